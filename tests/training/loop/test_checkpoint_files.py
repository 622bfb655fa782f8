"""Names of the checkpoints of a trial."""

from pathlib import Path

import pytest

from training.loop.checkpoint_files import BEST, LAST, checkpoint_file


@pytest.mark.slow
def test_a_folder_stands_for_its_best_epoch_and_a_file_for_itself(tmp_path: Path) -> None:
    assert checkpoint_file(tmp_path) == tmp_path / BEST
    assert checkpoint_file(tmp_path / LAST) == tmp_path / LAST
