"""`SceneSet`: what the training or test scenes of a trial hold. A class that training scenes lack is not learned."""

from collections.abc import Sequence

from pydantic import Field

from datasets.catalog import Catalog
from datasets.labels import chart
from training.spec.errors import Part


class SceneSet(Part):
    """Scenes of one split, by the charts of the lake; pixels are of 40 m and of the first target.

    Attributes:
        scenes: How many.
        labelled: Pixels with a class.
        ice: Pixels with ice (concentration above 0), labelled or not.
        labelled_ice: Pixels with a class of ice: the rest of `ice` is neither trained on nor scored.
        absent: Names of the classes without a pixel, by chart; charts without any are left out. By all pixels, before
            any rule of patches: a patch-based trial may see fewer classes still.
    """

    scenes: int
    labelled: int
    ice: int
    labelled_ice: int
    absent: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def coverage(self) -> float:
        """Share of the ice pixels that have a class; NaN without ice."""
        return self.labelled_ice / self.ice if self.ice else float("nan")


def scene_set(scenes: Catalog, targets: Sequence[str]) -> SceneSet:
    """What some scenes hold, for a trial of these target charts."""
    first = targets[0]
    absent = {name: _absent(scenes, name) for name in targets}
    return SceneSet(
        scenes=len(scenes),
        labelled=int(scenes.labelled(first).sum()),
        ice=_ice(scenes, "SIC"),
        labelled_ice=_ice(scenes, first),
        absent={name: words for name, words in absent.items() if words},
    )


def _absent(scenes: Catalog, name: str) -> tuple[str, ...]:
    counts = scenes.pixels(name).sum(axis=0)
    return tuple(word for word, count in zip(chart(name).classes, counts, strict=True) if not count)


def _ice(scenes: Catalog, name: str) -> int:
    """Pixels of any class but 0, which is open water in every chart."""
    return int(scenes.pixels(name)[:, 1:].sum())
