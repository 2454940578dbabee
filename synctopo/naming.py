"""Names that users type: an unknown one is answered with the nearest that exist."""

import difflib
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
