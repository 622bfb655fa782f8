from io import StringIO

from rich.console import Console

from training.models.listing import network_table


def test_every_network_is_listed_with_its_parameters() -> None:
    columns = [list(column.cells) for column in network_table().columns]
    rows = {name: cells for name, *cells in zip(*columns, strict=True)}
    assert rows["densenet121"] == ["patch", "7,000,774", "yes", "first_layer"]
    assert rows["unet"][3] == "filters"
    assert rows["cnn"][2] == "-", "no ImageNet weights"
    assert rows["deeplabv3"][0] == "pixel"


def test_the_table_says_how_other_networks_are_named() -> None:
    console = Console(width=140, file=StringIO())
    console.print(network_table())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "134,292,614" in text
    assert "timm:NAME, smp:ARCHITECTURE, package.module:Class" in text
