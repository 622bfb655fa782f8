"""A study in MLflow: the parent run of its trials on one lake, and what the trials have left below it."""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from sweeps.record.design import StudyDesign
from sweeps.record.family import STUDY, adopt, find_parent, refuse_renamed
from sweeps.record.lake_note import LakeNote
from training.spec import TrialSpec
from training.tracking.mlflow_client import (
    DESCRIPTION,
    PARENT,
    TAG_LIMIT,
    VIEW_TAG,
    all_pages,
    asking,
    find_experiment,
    impatient,
    put_lake,
    put_numbers,
    put_text,
    storing,
)
from training.tracking.records import now_ms
from training.tracking.run_content import metrics_today, params_of, params_today, source_tags
from training.tracking.server import ArtifactStoreError, TrackingError, resolve_uri
from training.tracking.tracker import Status

logger = logging.getLogger(__name__)

DESIGN: Final = "design"
"""Tag of a parent run with its `StudyDesign` as JSON, or with the name of the artifact that holds it."""
DESIGN_FILE: Final = "design.json"
QUESTION: Final = "question"
"""Tag of a parent run with what the study asks."""
LAKE_NOTE: Final = "lake_note"
"""Tag of a parent run with its `LakeNote` as JSON."""


_VIEW: Final = {
    "selectedColumns": [
        "attributes.`Created`",
        *(f"metrics.`{name}`" for name in ("test_80m/f1", "test_80m/f1_macro")),
    ],
    "searchFilter": "tags.kind = 'trial'",
    "orderByKey": "metrics.`test_80m/f1`",
    "orderByAsc": False,
}
"""Table of an experiment at the address of `table_link`: MLflow by itself shows studies alone, and no score."""


class TrialRow(BaseModel):
    """One attempt at a trial as MLflow holds it; params are text there.

    Attributes:
        trial_id: Several attempts share it.
        status: RUNNING, FINISHED, FAILED or KILLED.
        started: Start in milliseconds since 1970.
        ended: End in milliseconds since 1970; None while it runs.
        params: Flattened spec in today's names, also where an older program wrote it.
        tags: Ours, without those of MLflow.
        metrics: Last value of each, by its name in programs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial_id: str
    run_id: str
    status: str
    started: int
    ended: int | None = None
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class StudyTracker:
    """The parent run of a study on one lake, and what its trials have left below it.

    The experiment has the name of the study; the URI is absolute, so that it works in every process and folder.
    """

    tracking_uri: str
    study: str
    experiment_id: str
    run_id: str

    @classmethod
    def open(
        cls,
        tracking_uri: str,
        *,
        study: str,
        lake: str,
        recipe: str = "",
        question: str = "",
        design: StudyDesign | None = None,
        lake_url: str = "",
        lake_note: LakeNote | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> "StudyTracker":
        """Finds or creates the experiment and the one parent run of this study and lake.

        Call it in the driver, before any trial: several processes that create the tables of a fresh sqlite file at once
        break each other. Trials of this study and lake whose parent run was deleted or edited by hand come below it
        again.

        Args:
            tracking_uri: `sqlite:///...` or `http(s)://...`.
            study: Name of the study.
            lake: Digest of the lake (`Lake.digest`).
            recipe: Digest of the recipe, for the reader.
            question: What the study asks; shown as description until there is more to say.
            design: What it set out to do, for its report; replaces an earlier one.
            lake_url: Where the lake is, for the reader.
            lake_note: What its scenes are, for reports.
            settings: Params of the parent run, for the reader; each keeps the value that it had first.

        Raises:
            ArtifactStoreError: Artifacts cannot be written from here; the parent run has failed then.
            TrackingError: The URI is of another kind, the server is away, or the experiment was deleted or renamed.
        """
        uri = resolve_uri(tracking_uri)
        with asking(uri, check=True) as client:
            refuse_renamed(client, study, lake)
            experiment_id = find_experiment(client, uri, study)
            run_id = find_parent(client, experiment_id, study, lake)
            if run_id:
                client.update_run(run_id, status="RUNNING")
            else:
                tags = {"kind": STUDY, "study": study, "lake": lake, **source_tags(script_of(study))}
                tags |= {"recipe": recipe} if recipe else {}
                tags |= {DESCRIPTION: question} if question else {}
                run_id = client.create_run(experiment_id, tags=tags, run_name=f"{study} on {lake}").info.run_id
            adopt(client, experiment_id, run_id, lake)
            for name, value in {DESCRIPTION: question or study, VIEW_TAG: json.dumps(_VIEW)}.items():
                client.set_experiment_tag(experiment_id, name, value)
            text = design.model_dump_json(exclude_defaults=True) if design is not None else ""
            try:  # also shows whether artifacts can be written, before a trial has trained for hours
                put_text(client, uri, run_id, text or question or study, DESIGN_FILE if text else "question.txt")
            except ArtifactStoreError:
                client.set_terminated(run_id, "FAILED")
                raise
            noted = lake_note.model_dump_json() if lake_note is not None else ""
            tags = {QUESTION: question, LAKE_NOTE: noted, DESIGN: text if len(text) <= TAG_LIMIT else DESIGN_FILE}
            put_numbers(client, run_id, params=settings, tags={name: value for name, value in tags.items() if value})
            if lake_url:
                put_lake(client, run_id, lake_url, lake)
        return cls(tracking_uri=uri, study=study, experiment_id=experiment_id, run_id=run_id)

    def children_rows(self) -> list[TrialRow]:
        """Every attempt at every trial, oldest first."""
        with asking(self.tracking_uri) as client:
            found = all_pages(
                lambda token: client.search_runs(
                    [self.experiment_id],
                    filter_string=f"tags.`{PARENT}` = '{self.run_id}'",
                    order_by=["attributes.start_time ASC"],
                    page_token=token,
                )
            )
        return [trial_row(run) for run in found]

    def newest_row(self, trial_id: str) -> TrialRow | None:
        """The newest attempt at a trial; None without one. A server that is away is asked once, shortly.

        Raises:
            TrackingError: It is away.
        """
        with impatient(), asking(self.tracking_uri, check=True) as client:
            found = client.search_runs(
                [self.experiment_id],
                filter_string=f"tags.`{PARENT}` = '{self.run_id}' and tags.trial_id = '{trial_id}'",
                order_by=["attributes.start_time DESC"],
                max_results=1,
            )
        return trial_row(found[0]) if found else None

    def tag(self, name: str) -> str:
        """A tag of the parent run; empty if it has none of this name."""
        with asking(self.tracking_uri) as client:
            return str(client.get_run(self.run_id).data.tags.get(name, ""))

    def set_tag(self, name: str, value: str) -> None:
        """Puts a tag on the parent run."""
        with asking(self.tracking_uri) as client:
            client.set_tag(self.run_id, name, value)

    def end_lost(self, rows: Iterable[TrialRow]) -> None:
        """Ends the attempts as KILLED whose processes have died; none before its begin, which is of another clock."""
        with asking(self.tracking_uri) as client:
            for row in rows:
                client.set_terminated(row.run_id, "KILLED", max(now_ms(), row.started))

    def describe(self, markdown: str, metrics: Mapping[str, float], *, time: int, step: int) -> None:
        """Writes the description of the parent run, and metrics of one moment; again changes nothing."""
        with asking(self.tracking_uri) as client:
            put_numbers(client, self.run_id, tags={DESCRIPTION: markdown}, metrics=metrics, time=time, step=step)

    def log_table(self, csv: str, markdown: str) -> None:
        """Puts the study's table on the parent run, as table.csv and table.md."""
        with asking(self.tracking_uri) as client:
            put_text(client, self.tracking_uri, self.run_id, csv, "table.csv")
            put_text(client, self.tracking_uri, self.run_id, markdown, "table.md")

    def log_folder(self, folder: Path, name: str) -> None:
        """Puts all files of a folder on the parent run, in its artifact folder `name`."""
        with asking(self.tracking_uri) as client, storing(client, self.tracking_uri, self.run_id):
            client.log_artifacts(self.run_id, str(folder), name)

    def finish(self, status: Status) -> None:
        """Ends the parent run; opening the study again resumes it."""
        with asking(self.tracking_uri) as client:
            client.set_terminated(self.run_id, status)

    def finish_after_error(self, status: Status, *, with_trials: bool = False) -> None:
        """Ends the parent run while an error is on its way: a server that is away must not hide the error itself.

        Args:
            status: How it ends.
            with_trials: Also ends the trials that MLflow shows as running; only for a caller that knows that none runs.
        """
        try:
            if with_trials:
                self.end_lost(row for row in self.children_rows() if row.status == "RUNNING")
            self.finish(status)
        except TrackingError as away:
            logger.warning("the end of study %s is not in MLflow: %s", self.study, away)


def trial_row(run: Any) -> TrialRow:  # noqa: ANN401 (mlflow ships no types)
    """A run of MLflow as a row."""
    tags = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
    return TrialRow(
        trial_id=tags.get("trial_id", ""),
        run_id=run.info.run_id,
        status=run.info.status,
        started=run.info.start_time,
        ended=run.info.end_time,
        params=params_today(run.data.params),
        tags=tags,
        metrics=metrics_today(run.data.metrics),
    )


def script_of(study: str) -> str:
    """The program of a study: that of its part, where it is a smoke run or a search."""
    return f"sweeps/{study.partition('-')[0]}.py"


def shared_settings(specs: Iterable[TrialSpec]) -> dict[str, str]:
    """Params that are the same in all trials."""
    first, *others = [params_of(spec) for spec in specs]
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}
