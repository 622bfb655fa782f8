"""The options of a lake: their digest, and the compression that is no option any more."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.errors import LakeNotFoundError
from datasets.lake import Lake
from ingest.__main__ import app
from ingest.errors import RecipeError
from ingest.recipe import Recipe
from sweeps.design.catalogue import study, study_names
from training.spec.protocols import AUTOICE_WINNER


def test_a_recipe_keeps_its_digest() -> None:
    assert Recipe().digest == "19ea1ca97324"
    assert Recipe(ratios=(1, 2, 5, 10)).digest == "dac519e9af17"
    assert Recipe(ratios=(1, 2), sar_precision=0.01).digest == "dd8cf056396e"
    assert "compression" not in Recipe().to_lake()["recipe"]


def test_every_study_can_read_a_lake_of_the_default_recipe() -> None:
    """Full resolution is most of the bytes, so it is built where somebody asks for it."""
    points = [point for name in study_names() for point in study(name).trials()]
    assert {point.spec.data.ratio for point in points} == set(Recipe().ratios)
    assert {point.spec.evaluation.fixed_ratio for point in points} <= {None, *Recipe().ratios}
    assert AUTOICE_WINNER.data.ratio == 20, "which `--ratios 2 5 10 20` builds"


@pytest.mark.parametrize("word", ["zstd", "none"])
def test_a_recipe_has_no_choice_of_compression(word: str) -> None:
    with pytest.raises(RecipeError, match="compression"):
        Recipe.of(compression=word)


def test_a_lake_without_compression_is_refused_in_one_sentence(tmp_path: Path) -> None:
    recipe = Recipe(ratios=(1, 2)).to_lake()
    recipe["recipe"]["compression"] = "none"
    (tmp_path / "recipe.json").write_text(json.dumps({"format": 1, **recipe}))
    refusal = r"is a lake without compression .* build it again from the raw files at another URL"
    with pytest.raises(LakeNotFoundError, match=refusal):
        Lake.open(str(tmp_path))
    with pytest.raises(LakeNotFoundError, match=refusal):
        Lake.create(str(tmp_path), Recipe(ratios=(1, 2)).to_lake(), rebuild=True)
    shown = CliRunner().invoke(app, ["verify", str(tmp_path)], env={"COLUMNS": "300"})
    assert shown.exit_code == 2
    assert "build it again from the raw files" in shown.output


def test_a_recipe_that_says_zstd_is_a_lake_as_any_other(tmp_path: Path) -> None:
    recipe = Recipe(ratios=(1, 2)).to_lake()
    recipe["recipe"]["compression"] = "zstd"
    (tmp_path / "recipe.json").write_text(json.dumps({"format": 1, **recipe}))
    assert Lake.open(str(tmp_path)).recipe_digest == Recipe(ratios=(1, 2)).digest
