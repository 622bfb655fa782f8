"""`python -m infra.costs`: time, money, disk and requests of a lake and of its trials, before anything starts."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from datasets.errors import UnknownNameError, unknown_name
from datasets.process.terminal import out, tell, user_errors, whole_numbers
from infra.costs.build import build_cost
from infra.costs.campaign import CampaignCost, campaign_cost
from infra.costs.constants import SHIPPED, Constants, CostsError, read_constants
from infra.costs.limits import limits
from infra.costs.prices import Prices, read_prices

PARTS: Final = ("build", "campaign", "limits", "constants")
SIZES: Final = "532,5320,532000"
"""The archive; ten times it, all ice services since 2014; a thousand times, every EW scene of the Arctic."""
_RATIOS: Final = ("2,5,10", "1,2,5,10")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def costs(
    parts: Annotated[
        list[str] | None, typer.Argument(help=f"Which: {', '.join(PARTS)} (without: the first three).", metavar="PART")
    ] = None,
    scenes: Annotated[str, typer.Option(help="Sizes of the lake.", metavar="N,...")] = SIZES,
    workers: Annotated[str, typer.Option(help="Cores that build.", metavar="N,...")] = "1,8,64,1000",
    gpus: Annotated[str, typer.Option(help="GPUs that train, one trial each.", metavar="N,...")] = "1,8,64,256",
    card: Annotated[str, typer.Option(help="Which GPU: H100, H200, A100, L4, RTX4090.")] = "H100",
    ratios: Annotated[str, typer.Option(help="Ratios of the lake: 2,5,10 or 1,2,5,10.")] = "2,5,10",
    studies: Annotated[str, typer.Option(help="Studies of the campaign (without: all).", metavar="NAME,...")] = "",
    prices: Annotated[
        Path | None,
        typer.Option(help="Your prices, as in infra/costs/prices.example.toml (without: no money).", metavar="FILE"),
    ] = None,
    constants: Annotated[
        Path | None,
        typer.Option(
            help="Your figures instead of those of infra/costs/constants.toml, those that differ.", metavar="FILE"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: seconds, bytes, requests.")] = False,
) -> None:
    """Foretell what a lake and its trials cost: time, money, disk, requests, and what breaks first.

    Every figure follows from constants that say how they were measured (`python -m infra.costs constants`). GPU figures
    follow from a model of memory traffic: none was measured on a GPU.
    """
    with user_errors():
        for part in parts or ():
            if part not in PARTS:
                raise unknown_name("part", part, PARTS)
        if ratios not in _RATIOS:
            raise UnknownNameError(f"--ratios {ratios!r} is not allowed: give {' or '.join(_RATIOS)}")
        sizes, cores, slots = (
            _counts(*each) for each in (("--scenes", scenes), ("--workers", workers), ("--gpus", gpus))
        )
        known = read_constants(constants or SHIPPED)
        known.bandwidth(card)
        priced = read_prices(prices) if prices is not None else None
        names = [*filter(None, studies.split(","))]
        report = _Report(known, priced, sizes, cores, slots, ratios.replace(",", "_"), card, names)
        found = {part: getattr(report, part)() for part in parts or PARTS[:3]}
    if as_json:
        out.print_json(json.dumps(found | ({"prices": asdict(priced)} if priced else {}), default=str))
        return
    from infra.costs.tables import tables

    for part, rows in found.items():
        for table in tables(part, rows):
            out.print(table)
    if found.keys() & {"campaign", "limits"}:
        tell("GPU figures are a model's: bytes that a step moves over half of the card's nominal bandwidth")
    if not found.keys() & {"build", "campaign"}:
        return
    if priced is not None:
        tell(f"prices in {priced.currency} of {priced.dated}: {priced.source}")
        if priced.lacking:
            tell(f"taken for 0, since {str(prices)!r} has no such price: {', '.join(priced.lacking)}")
    else:
        tell("no money: give prices with --prices (infra/costs/prices.example.toml is an example)")


@dataclass(frozen=True)
class _Report:
    """Rows of each part, as plain JSON values."""

    known: Constants
    prices: Prices | None
    sizes: Sequence[int]
    workers: Sequence[int]
    gpus: Sequence[int]
    ratios: str
    card: str
    studies: Sequence[str]

    def build(self) -> list[dict[str, object]]:
        """Every size on every number of workers."""
        return [
            asdict(build_cost(self.known, size, count, ratios=self.ratios, prices=self.prices))
            for size in self.sizes
            for count in self.workers
        ]

    def campaign(self) -> list[dict[str, object]]:
        """Every size on every number of GPUs."""
        return [
            {"scenes": size, "card": self.card, **asdict(cost)}
            for size in self.sizes
            for cost in self._campaigns(size, self.gpus)
        ]

    def limits(self) -> list[dict[str, object]]:
        """Every limit at every size, on the most GPUs."""
        most = max(self.gpus)
        return [
            {"scenes": size, "gpus": most, **asdict(each), "share": each.share}
            for size in self.sizes
            for cost in self._campaigns(size, [most])
            for each in limits(self.known, size, cost)
        ]

    def constants(self) -> list[dict[str, object]]:
        """All of them."""
        return [asdict(row) for row in self.known.rows.values()]

    def _campaigns(self, scenes: int, gpus: Sequence[int]) -> list[CampaignCost]:
        from infra.costs.studies import work_of
        from sweeps.design.catalogue import study_names

        work = work_of(self.studies or study_names(), self.known, scenes)
        return [campaign_cost(self.known, work, count, self.card, scenes=scenes, prices=self.prices) for count in gpus]


def _counts(option: str, text: str) -> list[int]:
    found = whole_numbers([text])
    wrong = [each for each in found if not isinstance(each, int) or each < 1]
    if wrong or not found:
        raise CostsError(f"{option} {text!r} is not allowed: give whole numbers above 0, such as 1,8,64")
    return [each for each in found if isinstance(each, int)]
