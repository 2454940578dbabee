"""The number types in which recordings are kept: what fits into one, and what rounding to it loses."""

import torch
from torch import Tensor

KEPT = (torch.float16, torch.float32, torch.float64, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool)


def narrowed(signal: Tensor, dtype: torch.dtype | None, site: str) -> tuple[Tensor, float]:
    """`signal` in that type, by default its own (float32 for bfloat16, which numpy lacks), and the largest absolute error of the change.

    Raises ValueError for numbers that are not finite, that are too large for the type, or are no whole numbers where it has no others.
    """
    if signal.is_floating_point() and not bool(signal.isfinite().all()):
        raise ValueError(f"the site {site!r} holds NaN or infinity; look at the model's weights and input.")
    if dtype is None:
        return (signal.float() if signal.dtype == torch.bfloat16 else signal), 0.0
    if dtype not in KEPT:
        known = ", ".join(_name(d) for d in KEPT)
        raise ValueError(f"recordings are not kept as {_name(dtype)}; there are: {known}.")
    if dtype == signal.dtype or not signal.numel():
        return signal.to(dtype), 0.0
    low, high = _limits(dtype)
    least, most = float(signal.min()), float(signal.max())
    if least < low or most > high:
        raise ValueError(
            f"the site {site!r} holds {least if least < low else most:g}, and {_name(dtype)} ends at {low if least < low else high:g}; "
            "keep a wider type."
        )
    kept = signal.to(dtype)
    lost = float((kept.double() - signal.double()).abs().max())
    if lost and not dtype.is_floating_point:
        worst = signal.flatten()[(kept.double() - signal.double()).abs().argmax()]
        raise ValueError(f"the site {site!r} holds {float(worst):.9g}, and {_name(dtype)} holds whole numbers only; keep float16 or wider.")
    return kept, lost


def _limits(dtype: torch.dtype) -> tuple[float, float]:
    if dtype == torch.bool:
        return 0.0, 1.0
    about = torch.finfo(dtype) if dtype.is_floating_point else torch.iinfo(dtype)
    return float(about.min), float(about.max)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
