"""A report as one HTML page that needs nothing else: pictures are in it, and nothing is fetched."""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup, escape

from sweeps.report.tables import ReportTable

DPI: Final = 150
"""Of the pictures."""


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
        return round(int.from_bytes(self.png[16:20], "big") * 96 / DPI)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a page: paragraphs, a list of points and of links (text and address), then pictures, then tables.

    The anchor is unique on the page; the title stands in the contents too. `lake` says in every caption which scenes
    the numbers are of, since tables and pictures are copied out of pages.
    """

    anchor: str
    title: str
    sentences: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    tables: tuple[ReportTable, ...] = ()
    pictures: tuple[Picture, ...] = ()
    lake: str = ""


def written() -> tuple[str, str]:
    """The fact when a page was written."""
    return "written", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def render(
    *,
    title: str,
    lead: str,
    facts: Sequence[tuple[str, str]],
    sections: Sequence[Section],
    run_url: Callable[[str], str] = lambda run_id: "",
) -> str:
    """The page: its title, the question as `lead`, facts by name, and the sections in order.

    `run_url` gives the address of a run by its id; empty where runs have none.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html.jinja")
    return template.render(title=title, lead=lead, facts=facts, sections=sections, run_url=run_url, breakable=breakable)


def breakable(text: str) -> Markup:
    """HTML of a text whose long names may go on in a new line behind `_`, `.`, `:` and `/`: `my_models:TinyNetwork`."""

    def parts(name: re.Match[str]) -> str:
        return re.sub(r"(?<=[_.:/])(?=[A-Za-z])", "<wbr>", name[0])

    return Markup(re.sub(r"[\w.:/]{15,}", parts, str(escape(text))))


def write_files(folder: Path, texts: Mapping[str, str], pictures: Iterable[Picture]) -> None:
    """Writes texts by name, and pictures into `figures/`; pictures of an earlier report are removed."""
    write_texts(folder, texts)
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    for old in figures.glob("*.png"):
        old.unlink()
    for picture in pictures:
        (figures / f"{picture.name}.png").write_bytes(picture.png)


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Writes files by name; makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
