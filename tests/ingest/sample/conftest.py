from pathlib import Path

import pytest

from ingest.sample import write_samples
from tests.ingest.sample.sample_charts import LINES, SAMPLES, SCENES


@pytest.fixture(scope="session")
def scene_paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("samples")
    return write_samples(folder, scenes=SCENES, lines=LINES, samples=SAMPLES, seed=7)
