"""The report of attributions, by numbers that are known: shares, spread over seeds, order, words, figures."""

from itertools import product

import numpy as np
import pytest

from datasets.channels import INPUTS, group_of
from datasets.labels import SOD
from sweeps.record.design import StudyDesign
from sweeps.record.studies import StudyRow
from sweeps.record.study import TrialRow
from sweeps.report.campaign_page import campaign_page
from sweeps.report.evidence import Evidence, collect
from sweeps.report.importance import MEAN, Importance
from sweeps.report.importance_report import importance_report
from sweeps.report.study_report import Report
from training.attribution.features import Features
from training.attribution.result import AttributionResult, rows_of
from training.attribution.settings import METHODS, AttributionSettings, Method
from training.attribution.sums import AttributionSums

FEATURES = Features.of(INPUTS)
BINS = ("season/summer", "all", "season/winter", "location/cat1", "cryoseason/melt", "scene/one")


def sums_of(weights: np.ndarray, pixels: int, rng: np.random.Generator) -> AttributionSums:
    """Channels by weight, the second speaks against; groups are sums of their channels; the last class is never met."""
    channels = weights[None] * rng.uniform(1.0, 3.0, (SOD.n_classes, 1))
    absolute = channels @ FEATURES.sums_over_channels() * pixels
    sign = np.where(np.arange(len(FEATURES)) == 1, -0.5, 0.7)
    n = np.array([pixels] * (SOD.n_classes - 1) + [0])
    zero = np.zeros(SOD.n_classes)
    signed = absolute * sign
    return AttributionSums(signed=signed, absolute=absolute, n=n, patches=n, change=zero, change_size=zero, error=zero)


def result_of(network: str, task: str, method: str, seed: int) -> AttributionResult:
    rng = np.random.default_rng((seed, METHODS.index(method), len(network)))
    weights = np.linspace(2.0, 0.2, len(INPUTS)) * rng.uniform(0.85, 1.15, len(INPUTS))
    weights[INPUTS.index("sar_longitude")] = 4.0 + 0.5 * seed
    sums = {name: sums_of(weights * (1 + 0.3 * rng.random(len(INPUTS))), 10_000, rng) for name in BINS}
    classes = list(enumerate(SOD.classes))
    rows, completeness = rows_of(sums, FEATURES, classes, complete=method != "feature_ablation")
    return AttributionResult(
        trial_id="t",
        seed=seed,
        model=network,
        task=task,
        target="SOD",
        settings=AttributionSettings.of(method=method, seed=seed),
        lake="l",
        channels=INPUTS,
        classes=SOD.classes,
        scenes=3,
        sampled=False,
        rows=rows,
        completeness=completeness,
        seconds=1.0,
        versions={"device": "a processor"},
    )


def invented(seeds: int = 3, methods: tuple[Method, ...] = METHODS) -> tuple[Evidence, dict[str, AttributionResult]]:
    networks = {"unet": ("pixel", "pixel"), "resnet50": ("patch", "patch")}
    rows, results = [], {}
    for (network, (label, task)), method, seed in product(networks.items(), methods, range(seeds)):
        run_id = f"{network}-{method}-{seed}"
        tags = {"axis.task": label, "axis.model": network, "axis.method": method, "seed": str(seed)}
        tags |= {"attribution.method": method}
        rows.append(
            TrialRow(
                trial_id=run_id,
                run_id=run_id,
                status="FINISHED",
                started=len(rows),
                params={},
                tags=tags,
                metrics={"cost/seconds": 60.0, "cost/gpu_hours": 0.5},
            )
        )
        results[run_id] = result_of(network, task, method, seed)
    design = StudyDesign(
        question="Why?",
        objective="test_80m/f1",
        axes={"task": ("pixel", "patch"), "model": tuple(networks), "method": methods},
        seeds=tuple(range(seeds)),
        trials=len(rows),
        about="importance",
    )
    study = StudyRow(
        study="feature_importance", experiment_id="1", run_id="p", status="FINISHED", started=0, lake="l", design=design
    )
    return collect(study, "sqlite:///m.db", rows, {}), results


@pytest.fixture(scope="module")
def importance() -> Importance:
    evidence, results = invented()
    return Importance(evidence=evidence, results=results, problems={})


@pytest.fixture(scope="module")
def report() -> Report:
    return importance_report(*invented(2, METHODS[:2]))


def test_shares_add_up_and_spreads_are_over_seeds(importance: Importance) -> None:
    frame = importance.spreads
    assert "scene/one" not in set(frame["bin"])
    place = ["task", "network", "method", "bin", "class", "is_group"]
    assert frame.groupby(place)["share"].sum().to_numpy() == pytest.approx(1.0)
    assert set(frame["seeds"]) == {3}
    assert set(frame["class"]) == {*SOD.classes[:-1], MEAN}, "a class without a pixel has no rows"
    rows = importance.shares
    wanted = (rows["network"] == "unet") & (rows["method"] == "deeplift") & (rows["bin"] == "all")
    some = rows[wanted & (rows["class"] == "young_ice") & (rows["feature"] == "t2m")]
    own = frame[(frame["network"] == "unet") & (frame["method"] == "deeplift") & (frame["bin"] == "all")]
    (row,) = own[(own["class"] == "young_ice") & (own["feature"] == "t2m")].to_dict("records")
    assert row["share"] == pytest.approx(np.mean(some["share"]))
    assert row["share_spread"] == pytest.approx(np.std(some["share"], ddof=1))
    assert row["absolute_spread"] == pytest.approx(np.std(some["absolute"], ddof=1))
    assert row["n"] == 10_000


def test_every_class_counts_alike_in_the_mean(importance: Importance) -> None:
    own = importance.of("pixel-based", "unet")
    own = own[(own["method"] == "deeplift") & (own["feature"] == "t2m")].set_index("class")["share"]
    assert own[MEAN] == pytest.approx(own.drop(MEAN).mean())


def test_bins_stand_by_kind_and_through_the_year(importance: Importance) -> None:
    assert list(dict.fromkeys(importance.spreads["bin"])) == [
        *("all", "season/winter", "season/summer", "location/cat1", "cryoseason/melt")
    ]


def test_channels_stand_by_group(importance: Importance) -> None:
    own = importance.of("patch-based", "resnet50")
    one = own[(own["method"] == "deeplift") & (own["class"] == MEAN)]
    assert list(one["group"]) == sorted(one["group"], key=("SAR", "geography", "AMSR2", "ERA5", "time").index)
    assert list(one["group"]) == [group_of(name) for name in one["feature"]]


def test_one_seed_has_no_spread() -> None:
    evidence, results = invented(1, METHODS[:1])
    single = Importance(evidence=evidence, results=results, problems={})
    assert single.spreads["share_spread"].isna().all()
    said = importance_report(evidence, results)
    assert any("no spread" in sentence for sentence in said.warnings)
    assert "±" not in "".join(cell for row in said.scores.rows for cell in row)


def test_report_names_the_first_channel_and_whether_methods_agree(report: Report) -> None:
    assert len(report.answers) == 2
    assert report.answers[0].startswith("unet (pixel-based) decides most by longitude (")
    assert "it is first for 2 of 2 methods; orders of channels by two methods correlate by 0." in report.answers[0]
    assert report.warnings == ()


def test_files_and_figures(report: Report) -> None:
    assert set(report.texts()) == {"report.html", "table.csv", "bins.csv", "trials.csv", "table.md", "table.tex"}
    names = {picture.name for picture in report.pictures}
    assert {"channels_pixel_unet", "bins_patch_resnet50", "classes_patch_resnet50_feature_ablation"} <= names
    assert len(names) == len(report.pictures) == 2 + 4 + 2
    assert "| unet | Feature ablation |" in report.texts()["table.md"]
    assert report.gpu_hours == 4.0
    page = campaign_page([report], "sqlite:///m.db")
    assert "unet (pixel-based) decides most by longitude" in page
    assert page.count("data:image/png") == len(report.highlights) == 2


def test_no_result_yet_and_one_that_cannot_be_read() -> None:
    evidence, results = invented(1, METHODS[:1])
    nothing = importance_report(evidence, {}, {run_id: "there is no file" for run_id in list(results)[:1]})
    assert nothing.answers == ("No attribution has finished: there is nothing to tell yet.",)
    assert "The result of run unet-integrated_gradients-0 could not be read: there is no file." in nothing.warnings
    assert nothing.html()
