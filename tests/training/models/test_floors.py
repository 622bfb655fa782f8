"""Floors: fitted on pixels, they compute what scikit-learn computes, and what they are goes into a checkpoint."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from datasets.errors import UnknownNameError
from training.models import build_model
from training.models.floors import Commonest, Floor, Linear, Threshold, Trees
from training.spec import ModelSpec, SpecError

CLASSES = 6


def pixels(*, known: tuple[int, ...] = (0, 2, 4), n: int = 900) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pixels of three channels whose class follows from two of them; classes 1, 3 and 5 are never seen."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    y = np.array(known)[np.digitize(x[:, 1] + 0.5 * x[:, 2], np.linspace(-0.7, 0.7, len(known) - 1))]
    return x, y.astype(np.int64)


def logits_of(model: Floor, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, classes) of pixels that are given as a scene of 30 lines, twice."""
    scene = torch.from_numpy(x.T.copy()).reshape(1, 3, 30, -1)
    found = model(torch.cat([scene, scene]))
    assert found.shape == (2, CLASSES, 30, len(x) // 30)
    assert torch.equal(found[0], found[1])
    return found[0].reshape(CLASSES, -1).T.numpy()


@pytest.mark.parametrize("known", [(0, 2, 4), (2, 5)])
def test_boosted_trees_are_those_of_scikit_learn(known: tuple[int, ...]) -> None:
    x, y = pixels(known=known)
    model = Trees(3, CLASSES, rounds=6, leaves=9, depth=4)
    model.fit(x, y, seed=0)
    theirs = HistGradientBoostingClassifier(
        max_iter=6, max_leaf_nodes=9, max_depth=4, early_stopping=False, random_state=0
    ).fit(x, y)
    shares = torch.softmax(torch.from_numpy(logits_of(model, x)), dim=1).numpy()
    np.testing.assert_allclose(shares[:, list(known)], theirs.predict_proba(x), atol=1e-5)
    assert shares[:, [each for each in range(CLASSES) if each not in known]].max() < 1e-6


@pytest.mark.parametrize("known", [(0, 2, 4), (2, 5)])
def test_the_linear_model_is_that_of_scikit_learn(known: tuple[int, ...]) -> None:
    x, y = pixels(known=known)
    model = Linear(3, CLASSES)
    model.fit(x, y, seed=0)
    theirs = LogisticRegression(max_iter=200).fit(x.astype(np.float64), y)
    shares = torch.softmax(torch.from_numpy(logits_of(model, x)), dim=1).numpy()
    np.testing.assert_allclose(shares[:, list(known)], theirs.predict_proba(x.astype(np.float64)), atol=1e-4)


def test_one_threshold_finds_the_border_that_follows_the_incidence_angle() -> None:
    x, y = pixels(known=(1, 3))
    plain, corrected = Threshold(3, CLASSES, incidence=None), Threshold(3, CLASSES)
    right = []
    for model in (plain, corrected):
        model.fit(x, y, seed=0)
        right.append(float((logits_of(model, x).argmax(1) == y).mean()))
    assert right[0] < 0.95 < right[1]
    assert float(corrected.slope) == pytest.approx(0.5, abs=0.06)


def test_the_commonest_class_is_said_everywhere() -> None:
    x, y = pixels()
    y[:500] = 5
    model = Commonest(3, CLASSES)
    model.fit(x, y, seed=0)
    assert set(logits_of(model, x).argmax(1)) == {5}


@pytest.mark.parametrize("floor", [Trees, Linear, Commonest, Threshold])
def test_what_was_fitted_is_the_state_of_the_module(floor: type[Floor]) -> None:
    x, y = pixels()
    fitted, other = floor(3, CLASSES), floor(3, CLASSES)
    fitted.fit(x, y, seed=0)
    other.load_state_dict(fitted.state_dict())
    np.testing.assert_array_equal(logits_of(fitted, x), logits_of(other, x))


@pytest.mark.parametrize("floor", [Trees, Linear, Commonest])
def test_one_class_alone_is_learned_too(floor: type[Floor]) -> None:
    x, _ = pixels()
    model = floor(3, CLASSES)
    model.fit(x, np.full(len(x), 4), seed=0)
    assert set(logits_of(model, x).argmax(1)) == {4}


@pytest.mark.parametrize(
    ("spec", "task", "sentence"),
    [
        ({"name": "floor:tree"}, "pixel", "did you mean 'floor:trees'"),
        ({"name": "floor:linear"}, "patch", "classifies pixels"),
        ({"name": "floor:linear", "pretrained": "imagenet"}, "pixel", "it is fitted"),
        ({"name": "floor:linear", "params": {"rounds": 3}}, "pixel", "no parameter of 'floor:linear'"),
        ({"name": "floor:threshold", "params": {"hv": 7}}, "pixel", "needs the channels 7"),
    ],
)
def test_what_cannot_be_built_is_one_sentence(spec: dict[str, object], task: str, sentence: str) -> None:
    with pytest.raises((SpecError, UnknownNameError), match=sentence):
        build_model(ModelSpec.model_validate(spec), task=task, in_channels=3, n_outputs=6)  # type: ignore[arg-type]
