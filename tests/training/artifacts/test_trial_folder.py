"""A folder is one trial's: what has finished is not trained again, and no other trial takes its place by a slip."""

import json
from pathlib import Path

import pytest

from training.artifacts.trial_folder import TrialFolderError, claim, finished_result
from training.output_folder import OutputFolderError, make_folder, refuse_unusable
from training.spec import TrialSpec

RECORDED = json.loads((Path(__file__).parents[2] / "data" / "result.json").read_text(encoding="utf-8"))
SPEC = TrialSpec().with_("data.lake", "a" * 12)
OTHER = SPEC.with_("seed", 5)


def left_by(spec: TrialSpec, folder: Path) -> None:
    """What a finished trial leaves."""
    claim(folder, spec)
    (folder / "best.pt").write_bytes(b"weights")
    (folder / "result.json").write_text(json.dumps({**RECORDED, "trial_id": spec.trial_id}))
    for name in ("maps", "figures"):
        (folder / name).mkdir()
        (folder / name / "a.png").touch()
    (folder / "maps" / "a.npz").touch()


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_trial_is_found_again_by_its_own_spec_only(tmp_path: Path) -> None:
    assert finished_result(tmp_path / "none", SPEC) is None
    left_by(SPEC, tmp_path)
    found = finished_result(tmp_path, SPEC)
    assert found is not None
    assert found.trial_id == SPEC.trial_id
    assert finished_result(tmp_path, OTHER) is None
    (tmp_path / "last.pt").touch()
    assert finished_result(tmp_path, SPEC) is None, "its record was not finished"
    (tmp_path / "last.pt").unlink()
    (tmp_path / "best.pt").unlink()
    assert finished_result(tmp_path, SPEC) is None, "its weights are gone"


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ([], f"holds trial {SPEC.trial_id} and not trial {OTHER.trial_id}"),
        (["result.json"], f"holds the spec.yaml of trial {SPEC.trial_id}"),
        (["result.json", "spec.yaml"], "holds a best.pt of which no spec.yaml says the trial"),
    ],
)
def test_another_trial_is_refused_and_overwrites_only_when_told(tmp_path: Path, gone: list[str], said: str) -> None:
    left_by(SPEC, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    for name in gone:
        (tmp_path / name).unlink()
    before = content(tmp_path)
    with pytest.raises(TrialFolderError, match=f"{said}.*--overwrite"):
        claim(tmp_path, OTHER)
    assert content(tmp_path) == before
    claim(tmp_path, OTHER, overwrite=True)
    assert set(content(tmp_path)) == {"spec.yaml", "notes.txt"}
    assert TrialSpec.from_file(tmp_path / "spec.yaml") == OTHER


@pytest.mark.parametrize(("name", "text"), [("result.json", "{}"), ("spec.yaml", "- a list"), ("spec.yaml", "seed: 7")])
def test_files_of_these_names_that_are_something_else_stay(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TrialFolderError, match=name):
        claim(tmp_path, SPEC)
    assert content(tmp_path) == {name: text.encode()}


def test_a_trial_goes_on_where_it_was_stopped_also_from_a_spec_of_any_lake(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.with_("data.lake", "").to_yaml())
    claim(tmp_path, SPEC)
    (tmp_path / "best.pt").touch()
    claim(tmp_path, SPEC)
    assert TrialSpec.from_file(tmp_path / "spec.yaml") == SPEC


@pytest.mark.parametrize("place", ["file", "file/below", "file/far/below"])
def test_a_file_is_no_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    for use in (refuse_unusable, make_folder):
        with pytest.raises(OutputFolderError, match=r"cannot be a folder, since '.*file' is a file"):
            use(tmp_path / place)


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    for place in (Path("/proc/none"), Path("/sys/none/below")):
        with pytest.raises(OutputFolderError, match="nothing can be made in"):
            refuse_unusable(place)
        with pytest.raises(OutputFolderError, match="nothing can be made in"):
            make_folder(place)
    refuse_unusable(tmp_path / "new" / "folder")
    assert not list(tmp_path.iterdir())
    make_folder(tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder").is_dir()
