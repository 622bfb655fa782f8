"""`LakeNote`: what a study says of the scenes of its lake, so that a report without the lake can say it too."""

from collections import Counter
from typing import Final

from pydantic import BaseModel, ConfigDict

from datasets.catalog import Catalog
from datasets.plural import noun, plural

WORDS: Final = ("melt", "freeze", "none")


class LakeNote(BaseModel):
    """Scenes of a lake, from its catalog.

    Attributes:
        splits: Scenes of each split.
        synthetic: Whether any was made by `python -m ingest sample`.
        cryoseasons: Scenes of the training archive by cryoseason (melt, freeze, none); empty in a lake without any.
        agreeing: Of these, the most that can have the season of the published lists; None where the archive has
            another number of scenes than the lists.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    splits: dict[str, int]
    synthetic: bool
    cryoseasons: dict[str, int] = {}
    agreeing: int | None = None

    @classmethod
    def of(cls, catalog: Catalog) -> "LakeNote":
        """Of the scenes of a lake."""
        splits = Counter(catalog.column("split").tolist())
        archive = catalog.take(catalog.having("archive", "train"))
        seasons = Counter(season or "none" for season in archive.column("cryoseason").tolist())
        known = seasons["melt"] + seasons["freeze"] > 0
        agreeing = None
        if known and not catalog.synthetic:
            from datasets.lists import most_in_agreement  # few lakes have seasons, and every driver comes by here

            agreeing = most_in_agreement(catalog)
        return cls(
            splits={name: splits[name] for name in ("train", "val", "test") if splits[name]},
            synthetic=catalog.synthetic,
            cryoseasons={word: seasons[word] for word in WORDS} if known else {},
            agreeing=agreeing,
        )

    @property
    def scenes(self) -> str:
        """`494 training, 18 val and 20 test scenes, synthetic`."""
        words = {"train": "training", "val": "val", "test": "test"}
        counts = [f"{count} {words[name]}" for name, count in self.splits.items()]
        listed = " and ".join(filter(None, [", ".join(counts[:-1]), *counts[-1:]]))
        return (
            f"{listed} {noun(sum(self.splits.values()), 'scene')}, {'synthetic' if self.synthetic else 'of Sentinel-1'}"
        )

    @property
    def seasons(self) -> str:
        """How the cryoseasons of the scenes stand to those of the published lists, a sentence; empty without any."""
        if not self.cryoseasons:
            return ""
        total = sum(self.cryoseasons.values())
        of_all = plural(total, "scene")
        ours = f"Melt and freeze are by our rule from the NASA dates: {_counts(self.cryoseasons)} of {of_all}"
        if self.agreeing is None:
            return f"{ours} of the training archive; the published lists are of other scenes."
        from datasets.lists import PUBLISHED_SEASONS

        theirs = _counts({word: sum(PUBLISHED_SEASONS[word].values()) for word in WORDS})
        return (
            f"{ours}; the published lists have {theirs}. By these counts at each location at most "
            f"{100 * self.agreeing / total:.0f} % of the scenes have the same season in both."
        )


def lake_words(lake: str, note: LakeNote | None, *, synthetic: bool = False) -> str:
    """Which lake, for captions, a sentence; `synthetic` counts where nothing is noted."""
    if note is not None:
        return f"Lake {lake}: {note.scenes}."
    return f"Lake {lake}: scenes {'synthetic' if synthetic else 'of Sentinel-1'}, their number not on record."


def _counts(seasons: dict[str, int]) -> str:
    return f"{seasons['melt']} melt, {seasons['freeze']} freeze and {seasons['none']} neither"
