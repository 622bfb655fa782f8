"""Weights of the classes in the loss of a trial."""

from collections import Counter
from collections.abc import Mapping, Sequence

from datasets.catalog import Catalog
from datasets.labels import chart
from datasets.loading.batches import PatchSource
from datasets.patches.indexed_patches import IndexedPatches
from training.spec import TrialSpec


def class_weights(spec: TrialSpec, train: Catalog, source: PatchSource) -> Mapping[str, Sequence[float]]:
    """One weight per class, by chart; a chart that is not in it gives all classes the same weight.

    Balanced weights are computed from the training data: the pixels of the training scenes, or the patches that are
    drawn. Weights that the spec gives are those of its first chart.
    """
    weights, primary = spec.loss.class_weights, spec.data.primary
    if weights == "none":
        return {}
    if weights != "balanced":
        return {primary: weights}
    if isinstance(source, IndexedPatches):
        return {primary: tuple(source.class_weights.tolist())}
    pixels = {
        name: sum((Counter(record.pixels[name]) for record in train), Counter[int]()) for name in spec.data.targets
    }
    return {name: balanced_weights(counts, chart(name).n_classes) for name, counts in pixels.items()}


def balanced_weights(pixels: Mapping[int, int], n_classes: int) -> tuple[float, ...]:
    """One weight per class, inverse to its share of the labelled pixels, averaging 1 over them; 0 for an absent class.

    `pixels` of the training scenes are by class; 255 is left out.
    """
    counts = [pixels.get(value, 0) for value in range(n_classes)]
    present = sum(count > 0 for count in counts)
    return tuple(sum(counts) / (present * count) if count else 0.0 for count in counts)
