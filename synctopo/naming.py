"""Names that users type: an unknown one is answered with the nearest that exist, and none can do harm where it is written."""

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable


def unknown(kind: str, name: object, known: Iterable[str], where: str = "") -> ValueError:
    """The error for a `name` that is not among the `known` names of this `kind`; it lists the nearest first, then the others.

    `where` ends the first half of the sentence: "no site 'hiden' in this recording; the nearest is 'hidden'; there are: hidden, readout."
    """
    names = sorted(known)
    text = str(name)
    folded = {n.lower(): n for n in names}
    near = [folded[m] for m in difflib.get_close_matches(text.lower(), folded, n=3, cutoff=0.5)]
    nearest = f" the nearest {'is' if len(near) == 1 else 'are'} {', '.join(repr(n) for n in near)};" if near else ""
    there = ", ".join(names) if names else "none"
    return ValueError(f"no {kind} {text!r}{' ' + where if where else ''};{nearest} there are: {there}.")


def visible(text: object, *, lines: bool = False) -> str:
    """The text with every character that is not seen, but changes what is, told by its code: U+202E, U+0007, U+000A.

    Those are controls, marks of writing direction and halves of characters, a soft hyphen and the joiners of emoji; line ends too, unless
    the text may have `lines`.
    """
    plain = str(text)
    if plain.isprintable():
        return plain
    if lines:
        return "\n".join(visible(line) for line in plain.split("\n"))
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else f"[U+{ord(c):04X}]" for c in plain)


def file_stem(name: str) -> str:
    """A file name, without ending, for anything that has this name: itself where it can be one, else one like it that no other name has.

    It has no folders, no leading dot or dash, and at most 140 bytes.
    """
    plain = re.sub(r"[^\w.+~-]", "_", name).lstrip(".-")
    if plain == name and 0 < len(plain.encode()) <= 140:
        return name
    return f"{plain.encode()[:100].decode(errors='ignore') or '_'}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"
