"""What scenes hold: classes that are not there, and how much of the ice is labelled."""

from datasets.catalog import Catalog
from datasets.lake import Lake
from training.data.scene_set import scene_set


def test_classes_without_a_pixel_are_absent_and_unlabelled_ice_is_counted(tiny_lake: Lake) -> None:
    one = tiny_lake.catalog().records[0]
    pixels = {
        "SIC": {0: 50, 5: 30, 10: 20, 255: 7},
        "SOD": {0: 50, 4: 25, 5: 0, 255: 32},
        "FLOE": dict.fromkeys(range(7), 1) | {255: 100},
    }
    found = scene_set(Catalog((one.model_copy(update={"pixels": pixels}),)), ("SOD", "FLOE"))
    assert found.absent == {"SOD": ("new_ice", "young_ice", "thin_first_year_ice", "old_ice")}
    assert (found.scenes, found.labelled, found.ice, found.labelled_ice) == (1, 75, 50, 25)
    assert found.coverage == 0.5
