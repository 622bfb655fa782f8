"""Which sums a scene counts in, and the keys of the sums."""

import pytest

from datasets.lake import Lake
from datasets.scene import SceneRecord
from training.evaluation.bins import Bin, ScoreKey, bins_of, fixed_grid, sum_bins
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.result import TrialResult


def changed(record: SceneRecord, **values: object) -> SceneRecord:
    return record.model_copy(update=values)


def test_bins_add_up_and_a_scene_without_cryoseason_is_in_none(tiny_lake: Lake) -> None:
    record = next(iter(tiny_lake.catalog()))
    one = ConfusionMatrix.from_lists([[1, 0], [0, 0]])
    scored = [
        (
            changed(record, scene_id="a", season="fall", location="cat1", cryoseason="melt"),
            {ScoreKey("test", "SOD"): one},
        ),
        (
            changed(record, scene_id="b", season="fall", location="cat2", cryoseason=None),
            {ScoreKey("test", "SOD"): one},
        ),
        (
            changed(record, scene_id="c", season="winter", location="cat2", cryoseason="freeze"),
            {ScoreKey("test", "SOD"): one},
        ),
    ]
    sums = {str(name): matrix.n for name, matrix in sum_bins(scored).items()}
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
    assert "cryoseason/None" not in " ".join(map(str, bins_of(scored[1][0])))


def test_matrices_of_scenes_add_up_to_that_of_all(tiny_lake: Lake) -> None:
    record = next(iter(tiny_lake.catalog()))
    matrices = [ConfusionMatrix.from_lists([[number, 1], [0, 2 * number]]) for number in range(3)]
    scored = [
        (
            changed(record, scene_id=f"s{number}"),
            {ScoreKey("test", "SOD"): matrix, ScoreKey("test_patches", "SOD"): matrix + matrix},
        )
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
        assert whole.to_lists() == lists[ScoreKey(grid, "SOD")]
    assert result.scene_matrices("test", "FLOE") == {}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("test/SOD/all", ScoreKey("test", "SOD")),
        ("test_80m/SOD/season/winter", ScoreKey("test_80m", "SOD", Bin("season", "winter"))),
        ("test/FLOE/cryoseason/melt", ScoreKey("test", "FLOE", Bin("cryoseason", "melt"))),
        (
            "test_patches/SOD/scene/20180325T194759_dmi",
            ScoreKey("test_patches", "SOD", Bin("scene", "20180325T194759_dmi")),
        ),
    ],
)
def test_keys_are_read_as_they_are_written(text: str, key: ScoreKey) -> None:
    assert ScoreKey.parse(text) == key
    assert str(key) == text


@pytest.mark.parametrize(
    "text", ["test/SOD", "test/SOD/winter", "test/SOD/season", "test/SOD/season/", "test/SOD/all/x"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (bin|key of a score): write"):
        ScoreKey.parse(text)


def test_groups_are_neither_all_scenes_nor_one() -> None:
    assert [each.is_group for each in map(Bin.parse, ("season/winter", "location/cat1", "all", "scene/a"))] == [
        *(True, True, False, False)
    ]


def test_the_common_grid_is_named_by_its_spacing() -> None:
    assert [fixed_grid(ratio) for ratio in (2, 5)] == ["test_80m", "test_200m"]
