"""The options of a lake: their digest, and what is no option."""

import pytest

from ingest.errors import RecipeError
from ingest.recipe import Recipe
from sweeps.design.catalogue import study, study_names
from training.spec.protocols import AUTOICE_WINNER


def test_a_recipe_keeps_its_digest() -> None:
    assert Recipe().digest == "4c66a4bc556a"
    assert Recipe(ratios=(1, 2, 5, 10)).digest == "da0c18c87f66"
    assert Recipe(ratios=(1, 2), sar_precision=0.01).digest == "da5e9877f810"
    assert "compression" not in Recipe().to_lake()["recipe"]


def test_every_study_can_read_a_lake_of_the_default_recipe() -> None:
    """Full resolution is most of the bytes, so it is built where somebody asks for it."""
    points = [point for name in study_names() if name != "autoice" for point in study(name).trials()]
    assert {point.spec.data.ratio for point in points} == set(Recipe().ratios)
    assert {point.spec.evaluation.fixed_ratio for point in points} <= {None, *Recipe().ratios}
    of_winner = {point.spec.data.ratio for point in study("autoice").trials()}
    assert of_winner <= {*Recipe().ratios, 20}, "which `--ratios 2 5 10 20` builds"
    assert AUTOICE_WINNER.data.ratio == 20


@pytest.mark.parametrize("word", ["zstd", "none"])
def test_a_recipe_has_no_choice_of_compression(word: str) -> None:
    with pytest.raises(RecipeError, match="compression"):
        Recipe.of(compression=word)


@pytest.mark.parametrize("dominance", [(0.0, 0.65), (0.65, 1.5), (0.65, 0.65, 0.65)])
def test_a_dominance_is_two_shares(dominance: tuple[float, ...]) -> None:
    with pytest.raises(RecipeError, match="dominance"):
        Recipe.of(dominance=dominance)
