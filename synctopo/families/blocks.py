"""The sites of networks of blocks of oscillators, and of the iterated baselines beside them, which the families of AKOrN share."""


def main_site_of(architecture: str, blocks: int) -> str:
    """The site that is recorded where a study names none: the last block's read-out, or the baseline's hidden layer."""
    return f"block{blocks}.readout" if architecture == "akorn" else "hidden"


def sites_of(architecture: str, blocks: int) -> tuple[str, ...]:
    """Every site of the model."""
    if architecture != "akorn":
        return ("hidden", "readout")
    return (*(f"block{k + 1}.{what}" for k in range(blocks) for what in ("x", "readout", "energy")), "readout")
