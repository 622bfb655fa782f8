import csv

from datasets.lake import Lake
from datasets.scene import SceneRecord
from training.evaluation.bins import bin_leaf, bins_of, scene_rows, split_key, sum_bins
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.result import SceneRow, TrialResult, scenes_csv


def changed(record: SceneRecord, **values: object) -> SceneRecord:
    return record.model_copy(update=values)


def test_bins_add_up_and_a_scene_without_cryoseason_is_in_none(tiny_lake: Lake) -> None:
    record = next(iter(tiny_lake.catalog()))
    one = ConfusionMatrix.from_lists([[1, 0], [0, 0]])
    scored = [
        (changed(record, scene_id="a", season="fall", location="cat1", cryoseason="melt"), {"test/SOD": one}),
        (changed(record, scene_id="b", season="fall", location="cat2", cryoseason=None), {"test/SOD": one}),
        (changed(record, scene_id="c", season="winter", location="cat2", cryoseason="freeze"), {"test/SOD": one}),
    ]
    sums = {name: matrix.n for name, matrix in sum_bins(scored).items()}
    assert sums == {
        "test/SOD/all": 3,
        "test/SOD/season/fall": 2,
        "test/SOD/season/winter": 1,
        "test/SOD/location/cat1": 1,
        "test/SOD/location/cat2": 2,
        "test/SOD/cryoseason/melt": 1,
        "test/SOD/cryoseason/freeze": 1,
        "test/SOD/scene/a": 1,
        "test/SOD/scene/b": 1,
        "test/SOD/scene/c": 1,
    }
    assert "cryoseason/None" not in " ".join(bins_of(scored[1][0]))


def test_matrices_of_scenes_add_up_to_that_of_all(tiny_lake: Lake) -> None:
    record = next(iter(tiny_lake.catalog()))
    matrices = [ConfusionMatrix.from_lists([[number, 1], [0, 2 * number]]) for number in range(3)]
    scored = [
        (changed(record, scene_id=f"s{number}"), {"test/SOD": matrix, "test_patches/SOD": matrix + matrix})
        for number, matrix in enumerate(matrices)
    ]
    lists = {name: matrix.to_lists() for name, matrix in sum_bins(scored).items()}
    result = TrialResult.model_construct(matrices=lists)
    for grid in ("test", "test_patches"):
        of_scenes = result.scene_matrices(grid, "SOD")
        assert list(of_scenes) == ["s0", "s1", "s2"]
        whole = ConfusionMatrix.zero(2)
        for rows in of_scenes.values():
            whole += ConfusionMatrix.from_lists(rows)
        assert whole.to_lists() == lists[f"{grid}/SOD/all"]
    assert result.scene_matrices("test", "FLOE") == {}


def test_keys_come_apart_again() -> None:
    assert split_key("test_80m/SOD/season/winter") == ("test_80m", "SOD", "season/winter")
    assert bin_leaf("season/winter") == "winter"
    assert bin_leaf("all") is None
    assert bin_leaf("scene/20180325T194759_dmi") is None


def test_rows_of_scenes_as_json_and_csv(tiny_lake: Lake) -> None:
    record = changed(next(iter(tiny_lake.catalog())), scene_id="a", cryoseason=None)
    some, none = ConfusionMatrix.from_lists([[3, 1], [0, 0]]), ConfusionMatrix.zero(2)
    rows = scene_rows([(record, {"test/SOD": some, "test_80m/FLOE": none})])
    assert [(row.grid, row.chart, row.n, row.accuracy) for row in rows] == [
        ("test", "SOD", 4, 0.75),
        ("test_80m", "FLOE", 0, None),
    ]
    assert rows[0].f1 == some.metrics().f1
    assert SceneRow.model_validate_json(rows[1].model_dump_json()) == rows[1]
    table = list(csv.DictReader(scenes_csv(rows).splitlines()))
    assert table[0]["scene_id"] == "a"
    assert float(table[0]["f1_macro"]) == some.metrics().f1_macro
    assert table[1]["f1"] == table[0]["cryoseason"] == ""
    assert "scenes" in TrialResult.model_fields
