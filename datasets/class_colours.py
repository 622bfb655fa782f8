"""Colours of classes, of what has no class (land, no label, no SAR, no prediction), and of right and wrong."""

from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from datasets.errors import unknown_name
from datasets.labels import IGNORE, Chart

Palette = Literal["safe", "wmo"]
"""`safe` can be told apart with every kind of colour vision and in order of lightness; `wmo` is of ice charts."""

PALETTES: Final[tuple[Palette, ...]] = get_args(Palette)


@dataclass(frozen=True, kw_only=True)
class Unclassed:
    """What a pixel without a class is: how it is drawn, and its name in legends.

    Attributes:
        code: Its number in a raster that is drawn, beyond all classes.
        name: In legends.
        colour: Fill; the four differ in grey print too.
        hatch: Pattern of matplotlib over the fill, empty for none.
    """

    code: int
    name: str
    colour: str
    hatch: str


LAND: Final = Unclassed(code=254, name="land", colour="#835b33", hatch="")
NO_LABEL: Final = Unclassed(code=IGNORE, name="no label", colour="#c3c3c3", hatch="//")
NO_SAR: Final = Unclassed(code=253, name="no SAR", colour="#ffffff", hatch="xx")
NO_PREDICTION: Final = Unclassed(code=252, name="no prediction", colour="#282828", hatch="..")
UNCLASSED: Final = (LAND, NO_LABEL, NO_SAR, NO_PREDICTION)

_WMO_LAND: Final = replace(LAND, colour="#a39b8b")
"""Brown is old ice in ice charts, and thick first-year ice to deuteranopes. The code has fast ice in grey, 150-150-150,
and none for land; the Canadian Ice Service draws it tan (211-181-141, which in grey print is as no label is here)."""

RIGHT, WRONG, ONLY_FIRST, ONLY_SECOND = "#d2f0ff", "#550000", "#b4005a", "#00a5a5"
"""Of predictions, beside maps in the safe set; `ONLY_` are of two predictions, of which one is right."""


def check_palette(name: str) -> Palette:
    """The set of colours called so.

    Raises:
        UnknownNameError: There is no such set.
    """
    for palette in PALETTES:
        if name == palette:
            return palette
    raise unknown_name("set of colours", name, PALETTES)


def unclassed(palette: Palette = "safe") -> tuple[Unclassed, ...]:
    """What has no class, as it is drawn beside a set of colours."""
    return (_WMO_LAND, *UNCLASSED[1:]) if palette == "wmo" else UNCLASSED


def class_colours(chart: Chart, palette: Palette = "safe") -> tuple[str, ...]:
    """Colour of every class of a chart in its order, `#rrggbb`."""
    return chart.wmo_colours if palette == "wmo" else chart.colours
