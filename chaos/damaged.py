"""Files of a finished study, damaged: every kind that the store holds, truncated, flipped in a bit, emptied, exchanged, taken away."""

import random
import shutil
from pathlib import Path

from chaos.disturbed import Came, ended_well, retrying, troubles
from chaos.mutation import flipped, truncated
from chaos.subject import Ended, Subject, ran, sentence


def kinds(root: Path) -> dict[str, list[Path]]:
    """The files of a folder by their kind: fits/*.safetensors, rows/*.meta.json, store.json, ..."""
    found: dict[str, list[Path]] = {}
    for file in sorted(f for f in root.rglob("*") if f.is_file()):
        name = ".".join(file.name.split(".")[1:]) if file.parent != root else ""
        found.setdefault(f"{file.parent.relative_to(root)}/*.{name}" if name else file.name, []).append(file)
    return found


def damage(draw: random.Random, file: Path, alike: list[Path]) -> str:
    """Damage a file; returns how."""
    content = file.read_bytes()
    how = draw.choice(
        ["truncated", "flipped", "flipped", "flipped", "zeroed", "emptied", "exchanged", "lengthened", "taken away", "doubled"]
    )
    if how == "truncated":
        file.write_bytes(truncated(draw, content))
    elif how == "flipped":
        file.write_bytes(flipped(draw, content))
    elif how == "zeroed":
        begin = draw.randrange(len(content) + 1)
        file.write_bytes(content[:begin] + bytes(len(content[begin : begin + 512])) + content[begin + 512 :])
    elif how == "emptied":
        file.write_bytes(b"")
    elif how == "exchanged":
        file.write_bytes(draw.choice(alike).read_bytes())
    elif how == "lengthened":
        file.write_bytes(content + draw.randbytes(draw.randint(1, 99)))
    elif how == "taken away":
        file.unlink()
    else:
        # a key that nobody asked for
        other = "1" if file.name[0] == "0" else "0"
        shutil.copy(file, file.with_name(other + file.name[1:]))
    return how


def damaged(draw: random.Random, subject: Subject, place: Path) -> tuple[Came, str]:
    """Damage one to three files of a finished study, look at it, let `verify` find them, and run it again."""
    root, log = place / "root", place / "log"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(subject.finished, root)
    held = kinds(root)
    said = ""
    hurt: list[Path] = []
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        kind = draw.choice([kind for kind in held if not kind.startswith(("tables", "figures"))])
        file = draw.choice(held[kind])
        if file in hurt or not file.exists():
            continue
        said += f"{file.relative_to(root)} {damage(draw, file, held[kind])}\n"
        hurt.append(file)
    looks = [ran([word, str(subject.file), "--out", str(root)], log) for word in (draw.choice(["status", "table"]), "verify")]
    ended = ran(subject.run(root, *retrying()), log)
    came = {"files": len(hurt), "told": int(any(look.code and sentence(look.said) for look in looks))}
    stopped = 0
    if ended.code == 2 and sentence(ended.said):
        # it would not go on: what the sentence says is done
        stopped = 1
        more = ["--other-code", "redo"] if "--other-code redo" in ended.said else []
        for file in hurt:
            if file.name in ended.said or str(file.name.split(".")[0]) in ended.said:
                file.unlink(missing_ok=True)
        first, ended = ended, ran(subject.run(root, *retrying(), *more), log)
        looks.append(Ended(0, first.said, first.seconds))
    came |= dict(ended_well(ended, subject, root)) | {"mended by hand as told": stopped}
    for look in looks:
        came = {**came, **{word: came[word] + times for word, times in troubles(look).items()}}
    return came, said + "".join(look.said[-1500:] for look in looks) + ended.said[-1500:]
