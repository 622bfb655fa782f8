"""A report as one HTML page that needs nothing else: pictures are in it, and nothing is fetched."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2
from matplotlib.backends.backend_agg import FigureCanvasAgg

from sweeps.report.drawing import Drawn
from sweeps.report.tables import ReportTable

_DPI: Final = 150


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawn figure: PNG bytes, its file name without ending, and the words under it."""

    name: str
    caption: str
    png: bytes

    @property
    def src(self) -> str:
        """The picture itself as the address of a picture."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"

    @property
    def width(self) -> int:
        """In CSS pixels, at which it has its own size; from the header of the PNG."""
        return round(int.from_bytes(self.png[16:20], "big") * 96 / _DPI)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a page.

    Attributes:
        anchor: Unique on the page.
        title: Of the part, for the contents too.
        sentences: One paragraph each.
        points: A list below them.
        links: More points, each with the address that it leads to.
        tables: Below that.
        pictures: Below that.
    """

    anchor: str
    title: str
    sentences: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    tables: tuple[ReportTable, ...] = ()
    pictures: tuple[Picture, ...] = ()


def picture(drawn: Drawn) -> Picture:
    """Draws a figure."""
    FigureCanvasAgg(drawn.figure)  # draws for itself, whatever backend the process has
    file = io.BytesIO()
    # Without the version of matplotlib in it the same numbers give the same bytes.
    drawn.figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return Picture(name=drawn.name, caption=drawn.caption, png=file.getvalue())


def render(
    *,
    title: str,
    lead: str,
    facts: Sequence[tuple[str, str]],
    sections: Sequence[Section],
    run_url: Callable[[str], str],
) -> str:
    """The page.

    Args:
        title: Of the page.
        lead: The question.
        facts: Name and value, shown below the title.
        sections: In order.
        run_url: Address of a run by its id; empty where runs have none.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html.jinja")
    return template.render(title=title, lead=lead, facts=facts, sections=sections, run_url=run_url)
