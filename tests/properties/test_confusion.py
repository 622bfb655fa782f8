import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from training.evaluation.confusion import ClassRangeError, ConfusionMatrix, Metrics

N = 4

pixels = st.lists(st.tuples(st.sampled_from([*range(N), 255]), st.integers(0, N - 1)), min_size=0, max_size=60)
matrices = st.lists(st.lists(st.integers(0, 50), min_size=N, max_size=N), min_size=N, max_size=N).map(
    ConfusionMatrix.from_lists
)


def arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(rows, dtype=np.uint8).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@given(matrices, matrices, matrices)
def test_matrices_are_a_commutative_monoid(a: ConfusionMatrix, b: ConfusionMatrix, c: ConfusionMatrix) -> None:
    zero = ConfusionMatrix.zero(N)
    assert a + zero == a == zero + a
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert (a + b).n == a.n + b.n


@given(pixels, st.integers(0, 60))
def test_a_matrix_of_the_whole_is_the_sum_over_pieces(rows: list[tuple[int, int]], cut: int) -> None:
    true, pred = arrays(rows)
    whole = ConfusionMatrix.from_arrays(true, pred, N)
    pieces = [ConfusionMatrix.from_arrays(true[part], pred[part], N) for part in (slice(cut), slice(cut, None))]
    assert whole == pieces[0] + pieces[1]


@given(matrices)
def test_lists_read_back(matrix: ConfusionMatrix) -> None:
    assert ConfusionMatrix.from_lists(matrix.to_lists()) == matrix
    assert all(type(count) is int for row in matrix.to_lists() for count in row)


@given(pixels)
def test_counts_are_those_of_a_naive_loop(rows: list[tuple[int, int]]) -> None:
    counts = np.zeros((N, N), dtype=int)
    for true, pred in rows:
        if true != 255:
            counts[true, pred] += 1
    assert np.array_equal(ConfusionMatrix.from_arrays(*arrays(rows), N).counts, counts)


@pytest.mark.slow
@given(pixels.filter(lambda rows: any(true != 255 for true, _ in rows)))
def test_scores_agree_with_scikit_learn(rows: list[tuple[int, int]]) -> None:
    true, pred = arrays([row for row in rows if row[0] != 255])
    ours = ConfusionMatrix.from_arrays(*arrays(rows), N).metrics()
    assert ours.accuracy == pytest.approx(sk.accuracy_score(true, pred))
    for average, suffix in (("weighted", ""), ("macro", "_macro")):
        precision, recall, f1, _ = sk.precision_recall_fscore_support(true, pred, average=average, zero_division=0)
        iou = sk.jaccard_score(true, pred, average=average, zero_division=0)
        for name, theirs in (("precision", precision), ("recall", recall), ("f1", f1), ("iou", iou)):
            assert getattr(ours, name + suffix) == pytest.approx(theirs), name + suffix
    f1_by_class = sk.f1_score(true, pred, labels=range(N), average=None, zero_division=0)
    for k in range(N):
        if k in true or k in pred:
            assert ours.class_f1[k] == pytest.approx(f1_by_class[k])
        else:
            assert np.isnan(ours.class_f1[k])


@given(matrices)
def test_weighted_recall_is_accuracy(matrix: ConfusionMatrix) -> None:
    scores = matrix.metrics()
    assert scores.recall == pytest.approx(scores.accuracy, nan_ok=True)


@given(matrices, st.permutations(range(N)))
def test_scores_do_not_depend_on_the_numbering_of_classes(matrix: ConfusionMatrix, order: list[int]) -> None:
    shuffled = ConfusionMatrix(matrix.counts[np.ix_(order, order)]).metrics()
    scores = matrix.metrics()
    assert shuffled.f1 == pytest.approx(scores.f1, nan_ok=True)
    assert shuffled.iou_macro == pytest.approx(scores.iou_macro, nan_ok=True)


def test_a_class_never_predicted_has_precision_zero_and_counts() -> None:
    scores = ConfusionMatrix.from_lists([[8, 0, 0], [2, 0, 0], [0, 0, 0]]).metrics()
    assert scores.class_precision[:2] == (0.8, 0.0)
    assert scores.precision_macro == pytest.approx(0.4), "class 1 counts with 0, class 2 is in neither and does not"
    assert np.isnan(scores.class_precision[2])


def test_without_labelled_pixels_all_scores_are_nan_in_silence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores: Metrics = ConfusionMatrix.zero(3).metrics()
    assert scores.n == 0
    assert all(np.isnan(getattr(scores, name)) for name in ("accuracy", "f1", "precision", "iou", "f1_macro"))


def test_ignored_pixels_may_have_any_prediction() -> None:
    true, pred = np.array([255, 1], np.uint8), np.array([200, 1], np.uint8)
    assert ConfusionMatrix.from_arrays(true, pred, 2).to_lists() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("true", "pred", "word"),
    [([6, 0], [0, 0], "true"), ([0, 0], [0, 6], "predicted"), ([0, 0], [0, 255], "predicted"), ([-1], [0], "true")],
)
def test_a_class_out_of_range_is_an_error(true: list[int], pred: list[int], word: str) -> None:
    with pytest.raises(ClassRangeError, match=f"{word} classes run from .* allowed are 0 to 5"):
        ConfusionMatrix.from_arrays(np.array(true), np.array(pred), 6)


def test_other_misfits_are_errors() -> None:
    with pytest.raises(ClassRangeError, match="one grid"):
        ConfusionMatrix.from_arrays(np.zeros((2, 3), int), np.zeros((3, 2), int), 2)
    with pytest.raises(ClassRangeError, match="do not add up"):
        ConfusionMatrix.zero(2) + ConfusionMatrix.zero(3)


def test_counts_cannot_be_changed() -> None:
    counts = np.ones((2, 2), dtype=np.int64)
    matrix = ConfusionMatrix(counts)
    counts[0, 0] = 7
    assert matrix.n == 4
    with pytest.raises(ValueError, match="read-only"):
        matrix.counts[0, 0] = 7


def test_large_rasters_are_counted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    true, pred = (rng.integers(0, 3, (50, 41)).astype(np.uint8) for _ in range(2))
    whole = ConfusionMatrix.from_arrays(true, pred, 3)
    monkeypatch.setattr("training.evaluation.confusion._PIECE", 97)
    assert ConfusionMatrix.from_arrays(true, pred, 3) == whole
    assert whole.n == true.size
