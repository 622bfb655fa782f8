"""Notes for a tracker about the scenes of a trial."""

from datasets.labels import SOD
from datasets.lake import Lake
from tests.training.data.trials import data_of
from training.data.dataset_notes import dataset_notes
from training.spec import TrialSpec


def test_a_note_for_each_split_counts_its_scenes_and_pixels(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    notes = list(dataset_notes(data_of(tiny_lake, small_spec)))
    assert [note.context for note in notes] == ["train", "val", "test"]
    for note in notes:
        scenes = list(tiny_lake.catalog().split(note.context))
        assert (note.scenes, note.digest, note.recipe) == (len(scenes), tiny_lake.digest, tiny_lake.recipe_digest)
        pixels = {
            name: sum(each.pixels["SOD"].get(value, 0) for each in scenes) for value, name in enumerate(SOD.classes)
        }
        assert note.profile["SOD pixels of 40 m"] == pixels
        seasons = note.profile["scenes by season"]
        assert isinstance(seasons, dict)
        assert sum(seasons.values()) == len(scenes)
