"""What breaks first at a size, and what to change then: every limit with how near it is. Pure."""

from dataclasses import dataclass
from typing import Final

from infra.costs.build import catalog_seconds
from infra.costs.campaign import CampaignCost, decoded_bytes
from infra.costs.constants import Constants

_GB: Final = 1e9
_TB: Final = 1e12


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Something that is one, or of one machine.

    Attributes:
        name: What.
        value: At this size, in `unit`.
        at_most: Beyond which it hurts.
        unit: Of both.
        change: What to change then.
    """

    name: str
    value: float
    at_most: float
    unit: str
    change: str

    @property
    def share(self) -> float:
        """Of what is bearable; above 1 it breaks."""
        return self.value / self.at_most


def limits(constants: Constants, scenes: int, campaign: CampaignCost) -> list[Limit]:
    """All limits of a lake of some scenes and of trials on it, the one that breaks first in front."""
    listing = scenes / constants["list_page"] * constants["list_seconds"]
    trained = max(campaign.parts[name] for name in ("the GPUs", "the longest trial"))
    found = [
        Limit(
            name="catalog in a reader's memory",
            value=scenes * constants["catalog_memory"] / _GB,
            at_most=1.0,
            unit="GB",
            change="one Parquet file per year below catalog/, of which a reader opens those that it needs",
        ),
        Limit(
            name="opening the catalog",
            value=scenes * constants["catalog_open"],
            at_most=3.0,
            unit="s",
            change="one Parquet file per year below catalog/, of which a reader opens those that it needs",
        ),
        Limit(
            name="catalog in the memory of the build that writes it",
            value=scenes * constants["publish_memory"] / _GB,
            at_most=8.0,
            unit="GB",
            change="write the rows that changed, by column, instead of all as records",
        ),
        Limit(
            name="writing the catalog after new training scenes",
            value=catalog_seconds(constants, scenes) / 3600,
            at_most=1.0,
            unit="h",
            change="keep the moments of all scenes in one object, so that stores need not be read for statistics",
        ),
        Limit(
            name="listing the scenes when a build starts",
            value=listing / 60,
            at_most=5.0,
            unit="min",
            change="list by day: scene ids begin with it",
        ),
        Limit(
            name="listing every object: verify, prune, size",
            value=listing * constants["write_requests"] / 60,
            at_most=60.0,
            unit="min",
            change="an inventory of the bucket instead of listings; fewer objects: one shard for all charts of a ratio",
        ),
        Limit(
            name="scenes at ratio 2, decoded in the cache of a node",
            value=decoded_bytes(constants, scenes, 2) / _TB,
            at_most=constants["node_disk"] / _TB,
            unit="TB",
            change="train at ratio 5 or on a share of the scenes; what has no room is read again every epoch",
        ),
        Limit(
            name="MLflow's calls while the trials run",
            value=campaign.calls / trained,
            at_most=constants["mlflow_rate"],
            unit="calls/s",
            change="Postgres and several MLflow processes; one tracking server per study",
        ),
        Limit(
            name="trials that begin, at one driver",
            value=campaign.trials / trained,
            at_most=1 / constants["launch_seconds"],
            unit="trials/s",
            change="one job per study: each has its own driver",
        ),
        Limit(
            name="memory of one driver",
            value=campaign.trials * constants["driver_memory"] / _GB,
            at_most=4.0,
            unit="GB",
            change="one job per study",
        ),
    ]
    return sorted(found, key=lambda limit: -limit.share)
