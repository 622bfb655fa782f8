from io import StringIO

from rich.console import Console

from training.models.listing import network_rows, network_table


def test_every_network_is_listed_with_its_parameters() -> None:
    rows = {row.name: row for row in network_rows()}
    assert rows["densenet121"].parameters == 7_000_774
    assert rows["unet"].params == ("filters",)
    assert not rows["cnn"].imagenet
    assert rows["deeplabv3"].task == "pixel"


def test_the_table_says_how_other_networks_are_named() -> None:
    console = Console(width=140, file=StringIO())
    console.print(network_table())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "134,292,614" in text
    assert "timm:NAME, smp:ARCHITECTURE, package.module:Class" in text
