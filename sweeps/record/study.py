"""A study in MLflow: the parent run of its trials on one lake, and what the trials have left below it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from sweeps.record.design import StudyDesign
from training.tracking.mlflow_client import PARENT, all_pages, asking, find_experiment
from training.tracking.mlflow_tracker import git_commit, params_today
from training.tracking.server import TrackingError, resolve_uri
from training.tracking.tracker import Status

logger = logging.getLogger(__name__)

DESIGN: Final = "design"
"""Tag of a parent run with its `StudyDesign` as JSON, or with the name of the artifact that holds it."""
DESIGN_FILE: Final = "design.json"
_TAG_LIMIT: Final = 8000
"""Longest tag that MLflow keeps whole (mlflow.utils.validation.MAX_TAG_VAL_LENGTH)."""


class TrialRow(BaseModel):
    """One attempt at a trial as MLflow holds it; params are text there.

    Attributes:
        trial_id: Which trial; several attempts share it.
        run_id: MLflow's run.
        status: RUNNING, FINISHED, FAILED or KILLED.
        started: Start in milliseconds since 1970.
        ended: End in milliseconds since 1970; None while it runs.
        params: Flattened spec in today's names, also where an older program wrote it.
        tags: Ours, without those of MLflow.
        metrics: Last value of each.
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

    Attributes:
        tracking_uri: Absolute, so that it works in every process and working folder.
        study: Name of study and experiment.
        experiment_id: MLflow's experiment.
        run_id: The parent run; give it to `MlflowTracker`.
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
    ) -> "StudyTracker":
        """Finds or creates the experiment and the one parent run of this study and lake.

        Call it in the driver, before any trial: several processes that create the tables of a fresh sqlite file at once
        break each other.

        Args:
            tracking_uri: `sqlite:///...` or `http(s)://...`.
            study: Name of the study.
            lake: Digest of the lake (`Lake.digest`).
            recipe: Digest of the recipe, for the reader.
            question: What the study asks; shown as description.
            design: What it set out to do, for its report; replaces an earlier one.

        Raises:
            TrackingError: The URI is of another kind, or the server is away.
        """
        uri = resolve_uri(tracking_uri)
        with asking(uri, check=True) as client:
            experiment_id = find_experiment(client, uri, study)
            if question:
                client.set_experiment_tag(experiment_id, "mlflow.note.content", question)
            found = client.search_runs(
                [experiment_id],
                filter_string=f"tags.kind = 'study' and tags.lake = '{lake}'",
                order_by=["attributes.start_time ASC"],
                max_results=1,
            )
            if found:
                run_id = found[0].info.run_id
                client.update_run(run_id, status="RUNNING")
            else:
                tags = {"kind": "study", "study": study, "lake": lake, "git_commit": git_commit()}
                tags |= {"recipe": recipe} if recipe else {}
                tags |= {"mlflow.note.content": question} if question else {}
                run_id = client.create_run(experiment_id, tags=tags, run_name=f"{study} on {lake}").info.run_id
            if design is not None:
                text = design.model_dump_json(exclude_defaults=True)
                if len(text) > _TAG_LIMIT:
                    client.log_text(run_id, text, DESIGN_FILE)
                    text = DESIGN_FILE
                client.set_tag(run_id, DESIGN, text)
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

    def tag(self, name: str) -> str:
        """A tag of the parent run; empty if it has none of this name."""
        with asking(self.tracking_uri) as client:
            return str(client.get_run(self.run_id).data.tags.get(name, ""))

    def set_tag(self, name: str, value: str) -> None:
        """Puts a tag on the parent run."""
        with asking(self.tracking_uri) as client:
            client.set_tag(self.run_id, name, value)

    def end_lost(self, run_ids: Iterable[str]) -> None:
        """Ends the runs as KILLED whose processes have died."""
        with asking(self.tracking_uri) as client:
            for run_id in run_ids:
                client.set_terminated(run_id, "KILLED")

    def log_table(self, csv: str, markdown: str) -> None:
        """Puts the study's table on the parent run, as table.csv and table.md."""
        with asking(self.tracking_uri) as client:
            client.log_text(self.run_id, csv, "table.csv")
            client.log_text(self.run_id, markdown, "table.md")

    def log_folder(self, folder: Path, name: str) -> None:
        """Puts all files of a folder on the parent run, in its artifact folder `name`."""
        with asking(self.tracking_uri) as client:
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
                self.end_lost(row.run_id for row in self.children_rows() if row.status == "RUNNING")
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
        metrics=run.data.metrics,
    )
