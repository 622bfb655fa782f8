"""What few orbit passes can tell apart among many comparisons, and what is said where that is nothing."""

from dataclasses import replace

import numpy as np
import pytest

from sweeps.report.answer import undecided
from sweeps.report.differences import Difference, corrected
from sweeps.report.intervals import ALPHA, FEWEST_PASSES, MOST_SUBSETS, over_seeds, p_value, subsets, subsets_for
from sweeps.report.reach import fewest_passes, smallest_p, undecidable


def difference(passes: int, value: float = 1.0, together: int = 1) -> Difference:
    """The largest there can be: it has one sign on all subsets."""
    return Difference(
        key=("a",),
        against=("b",),
        objective="test_80m/f1",
        value=value,
        draws=np.full(len(subsets(passes, subsets_for(together)).chosen), value),
        most=subsets_for(together),
        seeds=5,
        agreeing=5,
        spread=0.0,
        scenes=passes,
        passes=passes,
        own_scenes=0,
    )


@pytest.mark.parametrize("passes", [1, 5, 6, 7, 10, 13])
def test_no_scores_have_a_smaller_p_value(passes: int) -> None:
    assert smallest_p(passes) == 2 ** (1 - passes)
    assert difference(passes).p == smallest_p(passes)


def test_where_subsets_are_drawn_more_passes_help_no_more() -> None:
    assert smallest_p(14) == smallest_p(20) == pytest.approx(2 / 8192)
    assert smallest_p(0) == 1.0


@pytest.mark.parametrize("together", [1, 204, 205, 352, 409, 410, 819])
def test_subsets_follow_the_number_of_comparisons(together: int) -> None:
    """One sign on all subsets of the twenty passes of the published test set is told apart among so many."""
    most = subsets_for(together)
    assert most == (2**13 if together <= 204 else 2**14 if together <= 409 else 2**15)
    largest = difference(20, together=together)
    assert largest.p == smallest_p(20, most) <= ALPHA / together
    assert {each.verdict for each in corrected([largest] * together)} == {"higher"}
    assert fewest_passes([20] * together) == next(n for n in range(6, 20) if 2 ** (1 - n) <= ALPHA / together)


def test_no_number_of_passes_tells_too_many_differences_apart() -> None:
    assert subsets_for(820) == subsets_for(100_000) == MOST_SUBSETS
    assert {each.verdict for each in corrected([difference(20, together=820)] * 820)} == {"unknown"}
    assert fewest_passes([20] * 820) == 21, "more than any has"


@pytest.mark.parametrize("passes", range(FEWEST_PASSES, 14))
@pytest.mark.parametrize("compared", [1, 2, 8, 32, 64])
def test_a_difference_is_decidable_where_and_only_where_the_largest_one_is_told_apart(
    passes: int, compared: int
) -> None:
    for each in corrected([difference(passes)] * compared):
        assert each.decidable == (smallest_p(passes) <= ALPHA / compared)
        assert each.verdict == ("higher" if each.decidable else "unknown")
        assert each.compared == compared


def test_comparisons_that_no_scores_could_tell_apart_do_not_count() -> None:
    """A season with three passes takes nothing from the test of all scenes, nor is it told apart itself."""
    found = corrected([*[difference(20)] * 8, *[difference(7)] * 8, *[difference(3)] * 16])
    assert {each.level for each in found[:1]} == {ALPHA / 8}
    assert [each.verdict for each in found] == ["higher"] * 8 + ["unknown"] * 24
    assert [each.compared for each in found] == [8] * 8 + [16] * 8 + [32] * 16
    assert corrected([replace(difference(3), draws=np.zeros(0), passes=0)])[0].verdict == "unknown"


def test_which_ones_count_follows_from_passes_alone() -> None:
    assert fewest_passes([]) > 0
    assert fewest_passes([7] * 32) == 8, "more than any has"
    assert fewest_passes([7] * 3) == 7
    assert fewest_passes([20] * 16 + [7] * 16 + [3] * 32) == 10
    rng = np.random.default_rng(0)
    for _ in range(200):
        passes = rng.integers(1, 21, rng.integers(1, 60)).tolist()
        fewest = fewest_passes(passes)
        inside = [each for each in passes if each >= fewest]
        assert all(smallest_p(each) <= ALPHA / len(inside) for each in inside)
        worse = [each for each in passes if each < fewest]
        assert all(smallest_p(each) > ALPHA / sum(other >= each for other in passes) for each in worse)


def test_the_sentence_has_the_numbers_and_what_would_be_enough() -> None:
    said = undecidable(7, 32)
    assert "7 orbit passes cannot tell any difference apart, whatever the scores" in said
    assert "smallest p-value is 0.016, and each of 32 differences together needs 0.0016, which takes 11 passes" in said
    assert "a difference needs 0.05, which takes 6 passes" in undecidable(1, 1)
    assert "no number of passes gives: compare fewer cells" in undecidable(20, 820)
    assert "each of 352 differences together needs 0.00014, which takes 14 passes" in undecidable(13, 352)
    assert undecided(corrected([difference(7)] * 32)) == [f"T{said[1:]}."]
    assert undecided(corrected([difference(11)] * 32)) == []


@pytest.mark.parametrize(("of_set", "of_pass"), [(1.0, 0.1), (0.5, 1.0)])
def test_a_set_of_scenes_is_not_told_apart_for_the_luck_of_its_scenes(of_set: float, of_pass: float) -> None:
    rng, chosen, times, seeds = np.random.default_rng(1), subsets(20), 300, 5
    told = {True: 0, False: 0}
    for _ in range(times):
        passes = chosen.chosen @ rng.normal(0, of_pass, 20) / chosen.chosen.sum(axis=1)
        pairs = of_set * (rng.normal() - rng.normal(size=(seeds, 1))) + passes
        for one_draw in told:
            draws = over_seeds(pairs, (range(seeds),), one_draw=one_draw)
            told[one_draw] += p_value(draws, chosen.repeats) <= ALPHA
    assert told[True] <= times * (ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / times))
    assert told[False] > 2 * times * ALPHA, "what it would be if the set did not count as one draw"


def test_a_set_that_differs_by_more_than_draws_do_is_told_apart() -> None:
    rng, chosen = np.random.default_rng(0), subsets(16)
    pairs = 0.3 + 0.05 * rng.normal(size=(5, 1)) + chosen.chosen @ rng.normal(0, 0.1, 16) / chosen.chosen.sum(axis=1)
    assert p_value(over_seeds(pairs, (range(5),), one_draw=True), chosen.repeats) <= ALPHA / 40
