"""What many tests share: small raw scenes and the lake built from them, made once a session."""

from pathlib import Path

import pytest

from datasets.lake import Lake
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples

LINES, SAMPLES = 420, 520


@pytest.fixture(scope="session")
def raw_train(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eight synthetic scenes of the training archive."""
    return write_samples(tmp_path_factory.mktemp("raw-train"), scenes=8, lines=LINES, samples=SAMPLES, seed=1)


@pytest.fixture(scope="session")
def raw_test(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three synthetic scenes of the test archive."""
    return write_samples(tmp_path_factory.mktemp("raw-test"), scenes=3, lines=LINES, samples=SAMPLES, seed=2)


@pytest.fixture(scope="session")
def tiny_lake(tmp_path_factory: pytest.TempPathFactory, raw_train: list[Path], raw_test: list[Path]) -> Lake:
    """A finished lake of both archives, ratios 1, 2, 5 and 10; not to be changed by tests."""
    recipe = Recipe()
    lake = Lake.create(str(tmp_path_factory.mktemp("lake")), recipe.to_lake())
    train = [convert_scene(str(path), recipe, lake, "train") for path in raw_train]
    test = [convert_scene(str(path), recipe, lake, "test") for path in raw_test]
    publish(lake, train + test, SplitOptions())
    return lake
