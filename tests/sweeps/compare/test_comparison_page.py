"""What the page of a comparison says and shows."""

import pytest

from sweeps.compare.comparison_page import make_page
from tests.sweeps.compare.invented_models import compared, entry


@pytest.mark.slow
def test_the_page_says_who_is_better_and_draws_a_matrix_for_each() -> None:
    others = [entry("good", 0.9), entry("bad", 0.4), entry("even", 0.7)]
    page = make_page(compared([entry("a:Net", 0.7)], others))
    assert page.answers[0].startswith("a:Net: ")
    assert any(sentence.startswith("By weighted F1: better, by one seed, than bad (+") for sentence in page.answers)
    assert any(
        sentence.startswith("By macro F1 over ice: worse, by one seed, than good (−") for sentence in page.answers
    )
    assert any(sentence.startswith("By weighted F1: not told apart from even (") for sentence in page.answers)
    assert [picture.name for picture in page.pictures] == [
        "networks", "differences", "differences_ice", "confusion", "classes",
    ]  # fmt: skip
    assert "a:Net minus the other" in page.pictures[1].caption
    assert "cannot tell any difference" not in " ".join(page.warnings), "20 scenes are enough"


def test_more_baselines_than_test_scenes_can_tell_apart_are_no_finding() -> None:
    """Eight passes have 256 signs: enough for one baseline by two scores, too few for eight of them."""
    own, others = entry("a:Net", 0.9, n_scenes=8), [entry(f"n{n}", 0.2, n_scenes=8) for n in range(8)]
    page = make_page(compared([own], others))
    assert any("8 orbit passes cannot tell any difference apart, whatever the scores" in w for w in page.warnings)
    assert any(said.startswith("By weighted F1: whatever the scores, it cannot be decided ag") for said in page.answers)
    assert {row[-1] for row in page.differences.rows} == {"cannot be decided"}
    assert not any("not told apart" in said.lower() for said in page.answers)
    few = make_page(compared([own], others[:1]))
    assert {row[-1] for row in few.differences.rows} == {"better (1 seed)"}


@pytest.mark.slow
def test_other_test_scenes_are_said() -> None:
    page = make_page(compared([entry("a:Net", 0.7)], [entry("unet", 0.6, n_scenes=12)]))
    assert "Some were tested on other scenes: their differences are over the scenes that both have." in page.warnings


def test_without_baselines_it_stands_alone() -> None:
    page = make_page(compared([entry("a:Net", 0.7)], []))
    assert page.answers[-1] == "There is no baseline to compare it with."
    assert [picture.name for picture in page.pictures] == ["confusion"]
    assert page.differences.rows == ()
