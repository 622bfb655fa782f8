"""Studies that are in MLflow already: their parent runs, and artifacts of their trials. Reads only."""

import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from sweeps.record.design import StudyDesign
from sweeps.record.lake_note import LakeNote
from sweeps.record.run_tags import ORDERED, Ordered
from sweeps.record.study import DESIGN, DESIGN_FILE, LAKE_NOTE, QUESTION, StudyTracker, TrialRow, trial_row
from training.tracking.mlflow_client import DESCRIPTION, all_pages, asking, storing
from training.tracking.server import RunGoneError, TrackingError, check_recorded, resolve_uri

_AT_A_TIME: Final = 8
"""Artifacts fetched side by side: a server has a high latency, not a low throughput."""


class StudyRow(BaseModel):
    """A parent run: one study on one lake.

    Attributes:
        study: Name of study and experiment.
        status: RUNNING, FINISHED, FAILED or KILLED.
        started: First start in milliseconds since 1970.
        lake: Digest of the lake.
        recipe: Digest of the recipe of the lake; empty where not on record, as `git_commit` and `question`.
        git_commit: Of the code that opened the study first.
        question: What the study asks.
        ordered: The trials that its last driver set out to run; None where not on record.
        design: What it set out to do; None where not on record.
        lake_note: What the scenes of its lake are; None where not on record.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    experiment_id: str
    run_id: str
    status: str
    started: int
    lake: str
    recipe: str = ""
    git_commit: str = ""
    question: str = ""
    ordered: Ordered | None = None
    design: StudyDesign | None = None
    lake_note: LakeNote | None = None

    def tracker(self, tracking_uri: str) -> StudyTracker:
        """The study, to read its trials and to put its report there."""
        return StudyTracker(
            tracking_uri=resolve_uri(tracking_uri),
            study=self.study,
            experiment_id=self.experiment_id,
            run_id=self.run_id,
        )


class Artifact(BaseModel):
    """A file of a run: its `content`, or the `problem` that kept it from being read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: bytes | None = None
    problem: str = ""

    @property
    def text(self) -> str | None:
        """Of a text file."""
        return None if self.content is None else self.content.decode("utf-8")


def list_studies(tracking_uri: str) -> tuple[StudyRow, ...]:
    """Parent runs of all studies of the server, by name, the newest first.

    Raises:
        TrackingError: The URI is of another kind, the server is away, or there is no record.
    """
    uri = resolve_uri(tracking_uri)
    rows = [_row(uri, run, experiment) for run, experiment in _search(uri, "tags.kind = 'study'")]
    return tuple(sorted(rows, key=lambda row: row.study))


def list_trials(tracking_uri: str) -> tuple[TrialRow, ...]:
    """Every attempt at every trial of the server, of a study or single, the newest first; its lake is the tag `lake`.

    Raises:
        TrackingError: The URI is of another kind, the server is away, or there is no record.
    """
    return tuple(trial_row(run) for run, _ in _search(resolve_uri(tracking_uri), "tags.kind != 'study'"))


def study_row(study: StudyTracker) -> StudyRow:
    """The parent run of an open study."""
    with asking(study.tracking_uri) as client:
        run = client.get_run(study.run_id)
    return _row(study.tracking_uri, run, study.study)


def read_run(tracking_uri: str, run_id: str) -> TrialRow:
    """One run by its id; raises RunGoneError where there is none."""
    uri = resolve_uri(tracking_uri)
    check_recorded(uri)
    with asking(uri, check=True) as client:
        return trial_row(client.get_run(run_id))


def read_files(tracking_uri: str, files: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Artifact]:
    """Reads artifacts, each given as run and name; one that cannot be read has a `problem` instead."""
    files, uri = list(files), resolve_uri(tracking_uri)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return dict(zip(files, pool.map(lambda each: _read(uri, *each), files), strict=True))


def _read(uri: str, run_id: str, name: str) -> Artifact:
    try:
        with tempfile.TemporaryDirectory(prefix="icebench-artifact-") as folder, asking(uri) as client:
            with storing(client, uri, run_id):
                path = client.download_artifacts(run_id, name, folder)
            return Artifact(content=Path(path).read_bytes())
    except RunGoneError:  # MLflow raises the same for a missing run and for a missing file
        return Artifact(problem=f"there is no {name}")
    except TrackingError as error:
        return Artifact(problem=str(error))


def _search(uri: str, words: str) -> list[tuple[Any, str]]:
    """Runs of all experiments, the newest first, each with the name of its experiment."""
    check_recorded(uri)
    with asking(uri, check=True) as client:
        experiments = all_pages(lambda token: client.search_experiments(page_token=token))
        names = {each.experiment_id: each.name for each in experiments}
        if not names:
            return []
        found = all_pages(
            lambda token: client.search_runs(
                list(names), filter_string=words, order_by=["attributes.start_time DESC"], page_token=token
            )
        )
    return [(run, names[run.info.experiment_id]) for run in found]


def _row(uri: str, run: Any, study: str) -> StudyRow:  # noqa: ANN401 (mlflow ships no types)
    tags = run.data.tags
    return StudyRow(
        study=study,
        experiment_id=run.info.experiment_id,
        run_id=run.info.run_id,
        status=run.info.status,
        started=run.info.start_time,
        lake=tags.get("lake", ""),
        recipe=tags.get("recipe", ""),
        git_commit=tags.get("git_commit", ""),
        question=tags.get(QUESTION) or tags.get(DESCRIPTION, ""),  # earlier programs wrote no more there
        ordered=Ordered.from_tag(tags.get(ORDERED, "")),
        design=_design(uri, run.info.run_id, tags.get(DESIGN, "")),
        lake_note=_lake_note(tags.get(LAKE_NOTE, "")),
    )


def _lake_note(text: str) -> LakeNote | None:
    """None also where another version of this project wrote it: a report says less then, and nothing wrong."""
    try:
        return LakeNote.model_validate_json(text) if text else None
    except ValidationError:
        return None


def _design(uri: str, run_id: str, text: str) -> StudyDesign | None:
    if text == DESIGN_FILE:
        text = _read(uri, run_id, DESIGN_FILE).text or ""
    try:
        return StudyDesign.model_validate_json(text) if text else None
    except ValidationError as error:
        raise TrackingError(
            f"the tag {DESIGN!r} of run {run_id} is of another version of this project "
            f"({error.errors()[0]['msg']}): start the study again, which writes it again"
        ) from error
