"""Writing figures: every format, the same bytes for the same figure; and the colours that all of them share."""

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text

FORMATS = ("png", "pdf", "svg")

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito 2008, told apart by every kind of colour vision; without yellow and black, which are not seen on one of white and black."""

MARKERS = ("o", "s", "^", "D", "v", "P")
"""One for each colour: a figure must be legible when printed in grey."""

GROUND = "ground"
"""With a number, the name of what lies behind a figure or one of its axes, which a page leaves out."""

ON_DARK, ON_BRIGHT = "#fefefe", "#010101"
"""Of text upon a filled area; the report turns black into the colour of its text, and must leave these."""


@dataclass(frozen=True)
class Drawn:
    """A figure as it is when it is drawn: the SVG that its file and a page share. Drawing is most of what a report costs."""

    figure: Figure
    svg: bytes

    @staticmethod
    def of(figure: Figure) -> "Drawn":
        """Draw a figure."""
        return Drawn(figure, _rendered(figure, "svg"))

    @property
    def element(self) -> str:
        """An <svg> element for an HTML page, without a background and in the colour of the page's text."""
        text = self.svg.decode()
        element = text[text.index("<svg") :]
        # what names the page would have twice, and nobody reads
        element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
        element = re.sub(rf'<g id="{GROUND}\d+">.*?</g>', "", element, flags=re.DOTALL)
        # matplotlib leaves out a fill that is black
        return element.replace("#000000", "currentColor").replace("<svg ", '<svg fill="currentColor" role="img" ', 1)

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write it in every format; without dates, so that the same figure is the same file."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.{form}" for form in FORMATS]
        for form, path in zip(FORMATS, paths, strict=True):
            path.write_bytes(self.svg if form == "svg" else _rendered(self.figure, form))
        return paths


def write(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure in every format; without dates, so that the same figure is the same file."""
    return Drawn.of(figure).write(folder, name)


def save(figure: Figure, path: Path) -> None:
    """Write a figure to one file, in the format of its ending."""
    path.write_bytes(_rendered(figure, path.suffix.removeprefix(".")))


def _rendered(figure: Figure, form: str) -> bytes:
    undated = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    for text in figure.findobj(Text):
        # a $ in a name is a dollar, not the start of a formula
        text.set_parse_math(False)
    for i, ground in enumerate((figure.patch, *(axes.patch for axes in figure.axes))):
        ground.set_gid(f"{GROUND}{i}")
    engine = figure.get_layout_engine()
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "synctopo", "font.size": 9}), warnings.catch_warnings():
        # a name in a script that the font lacks shows as boxes; the tables have it
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        if engine is not None:
            # once for all formats: every layout moves things by a hair, and takes longer than the drawing
            engine.execute(figure)
            figure.set_layout_engine("none")
        figure.savefig(content, format=form, dpi=160, metadata=undated[form])
    return content.getvalue()
