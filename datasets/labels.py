"""The three ice charts of AI4Arctic: classes, names and colours.

Class numbers are those of the AutoICE challenge; colours follow the WMO ice-chart colour code where it has one
(WMO/TD-No. 1215); the other colours can be distinguished with colour-vision deficiency.
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

    @property
    def n_classes(self) -> int:
        """Number of classes without the ignore value."""
        return len(self.classes)


SIC = Chart(
    name="SIC",
    long_name="sea ice concentration",
    classes=tuple(f"{10 * tenth}%" for tenth in range(11)),
    colours=(
        "#0064ff", "#8cc8ff", "#aadcf0", "#8cffa0", "#c8ff96", "#ffff00",
        "#ffdc50", "#ff9b32", "#ff7d07", "#ff3c00", "#b40000",
    ),
)  # fmt: skip
SOD = Chart(
    name="SOD",
    long_name="stage of development",
    classes=("open_water", "new_ice", "young_ice", "thin_first_year_ice", "thick_first_year_ice", "old_ice"),
    colours=("#0064ff", "#ffaff0", "#aa28f0", "#9bd200", "#00a032", "#b46432"),
)
FLOE = Chart(
    name="FLOE",
    long_name="floe size",
    classes=("open_water", "cake_ice", "small_floe", "medium_floe", "big_floe", "vast_floe", "bergs"),
    colours=("#0064ff", "#ffffb4", "#ffd200", "#ff9b32", "#e6550d", "#a63603", "#54278f"),
)

CHARTS: dict[str, Chart] = {chart.name: chart for chart in (SIC, SOD, FLOE)}


def chart(name: str) -> Chart:
    """Returns the chart called `name`; raises UnknownNameError with the nearest name."""
    if name not in CHARTS:
        raise unknown_name("chart", name, CHARTS)
    return CHARTS[name]
