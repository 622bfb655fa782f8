"""The three ice charts of AI4Arctic: classes, names and colours.

Class numbers are those of the AutoICE challenge. Each chart has two sets of colours (`datasets.class_colours`):

- `colours`: our own. Lightness rises from water to the most, thickest or widest ice, and any two classes can be told
  apart with every kind of colour vision; tests hold the smallest difference.
- `wmo_colours`: the ice chart colour code of WMO (WMO/TD-No. 1215, JCOMM Technical Report 24, revision of 2014), which
  people of the field know. Its code of total concentration has one colour for several tenths. It has none for floe
  size: there only water is as in the others.
"""

from dataclasses import dataclass

from datasets.errors import unknown_name

IGNORE = 255
"""Value of a chart pixel without a label; never scored, never trained on."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart: a uint8 raster of class numbers 0..n-1 with 255 for no label."""

    name: str
    long_name: str
    classes: tuple[str, ...]
    colours: tuple[str, ...]
    wmo_colours: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes without the ignore value."""
        return len(self.classes)


SIC = Chart(
    name="SIC",
    long_name="sea ice concentration",
    classes=tuple(f"{10 * tenth}%" for tenth in range(11)),
    colours=(
        "#2a286b", "#423396", "#5e41ba", "#7753d4", "#9168e5", "#ac80ed",
        "#c798e9", "#deafda", "#f8c29a", "#f3da4a", "#79ffca",
    ),
    wmo_colours=(
        "#96c8ff",  # less than 1/10, open water: 150-200-255; class 0 also has what the code calls ice free
        "#8cffa0", "#8cffa0", "#8cffa0",  # 1/10 to 3/10, very open ice: 140-255-160
        "#ffff00", "#ffff00", "#ffff00",  # 4/10 to 6/10, open ice: 255-255-0
        "#ff7d07", "#ff7d07",  # 7/10 to 8/10, close ice: 255-125-7
        "#ff0000", "#ff0000",  # 9/10 to 10/10, very close and compact ice: 255-0-0
    ),
)  # fmt: skip
SOD = Chart(
    name="SOD",
    long_name="stage of development",
    classes=("open_water", "new_ice", "young_ice", "thin_first_year_ice", "thick_first_year_ice", "old_ice"),
    colours=("#2a286b", "#213ee4", "#c94f85", "#94934e", "#fdb101", "#f9e1ab"),
    wmo_colours=(
        "#96c8ff",  # less than 1/10, open water: 150-200-255
        "#f0d2fa",  # new ice: 240-210-250
        "#aa28f0",  # young ice, 10 to 30 cm: 170-40-240
        "#9bd200",  # thin first-year ice, 30 to 70 cm: 155-210-0
        "#007800",  # thick first-year ice, over 120 cm: 0-120-0; the class also has medium ice, there 0-200-20
        "#b46432",  # old ice: 180-100-50
    ),
)  # fmt: skip
_FLOE_COLOURS = ("#2a286b", "#4c62a2", "#ca5575", "#a19301", "#94bf81", "#e4d435", "#73d3fc")
FLOE = Chart(
    name="FLOE",
    long_name="floe size",
    classes=("open_water", "cake_ice", "small_floe", "medium_floe", "big_floe", "vast_floe", "bergs"),
    colours=_FLOE_COLOURS,
    wmo_colours=("#96c8ff", *_FLOE_COLOURS[1:-1], "#2a286b"),
)

CHARTS: dict[str, Chart] = {chart.name: chart for chart in (SIC, SOD, FLOE)}


def chart(name: str) -> Chart:
    """Returns the chart called `name`; raises UnknownNameError with the nearest name."""
    if name not in CHARTS:
        raise unknown_name("chart", name, CHARTS)
    return CHARTS[name]
