"""The options of a lake: their digest, and what is no option."""

import pytest

from ingest.errors import RecipeError
from ingest.recipe import Recipe


def test_the_default_recipe_keeps_its_digest() -> None:
    assert Recipe().digest == "2e8f04eaaae5"
    assert Recipe(ratios=(1, 2), sar_precision=0.01).digest == "61fe43e15962"
    assert "compression" not in Recipe().to_lake()["recipe"]


@pytest.mark.parametrize("word", ["zstd", "none"])
def test_a_recipe_has_no_choice_of_compression(word: str) -> None:
    with pytest.raises(RecipeError, match="compression"):
        Recipe.of(compression=word)


@pytest.mark.parametrize("dominance", [(0.0, 0.65), (0.65, 1.5), (0.65, 0.65, 0.65)])
def test_a_dominance_is_two_shares(dominance: tuple[float, ...]) -> None:
    with pytest.raises(RecipeError, match="dominance"):
        Recipe.of(dominance=dominance)
