"""The parent run of a study on a lake, also where people changed the record by hand: deleted, edited or doubled it.

Trials know their study and their lake themselves, so they are found again: below the parent that they had, if it still
is there, else below another one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from training.tracking.mlflow_client import PARENT, all_pages
from training.tracking.server import TrackingError

Client = Any
"""MLflow's client, which only `training.tracking` imports."""

STUDY: Final = "study"
"""Tag `kind` of a parent run."""


def refuse_renamed(client: Client, study: str, lake: str) -> None:
    """Raises TrackingError where the experiment of a study that ran on this lake has another name now."""
    if client.get_experiment_by_name(study) is not None:
        return
    names = {
        each.experiment_id: each.name for each in all_pages(lambda page: client.search_experiments(page_token=page))
    }
    if not names:
        return
    words = f"tags.kind = '{STUDY}' and tags.study = '{study}' and tags.lake = '{lake}'"
    for run in client.search_runs(list(names), filter_string=words, max_results=1):
        name = names[run.info.experiment_id]
        raise TrackingError(
            f"the record of study {study!r} is in the MLflow experiment {name!r}, which was renamed: give it the name "
            f"{study!r} again, or delete it to train everything again"
        )


def find_parent(client: Client, experiment_id: str, study: str, lake: str) -> str:
    """Run id of the one parent run of a study on a lake, with all trials below it; empty where there is none yet.

    A parent whose tags were edited gets them again. The trials of one that was deleted wait for `adopt`.
    """
    parents = _parents(client, experiment_id)
    tagged = [run_id for run_id, found in parents.items() if found == lake]
    if tagged:
        return tagged[0]
    for run_id, home in homes(_trials(client, experiment_id), parents).items():
        if home == lake and _search(client, experiment_id, f"attributes.run_id IN ('{run_id}')"):  # not deleted
            for name, value in {"kind": STUDY, "study": study, "lake": lake}.items():
                client.set_tag(run_id, name, value)
            return run_id
    return ""


def adopt(client: Client, experiment_id: str, parent: str, lake: str) -> None:
    """Puts below a parent run the trials of every other one of this study and lake: deleted, or a second one."""
    parents, trials = _parents(client, experiment_id), _trials(client, experiment_id)
    other = [run_id for run_id, home in homes(trials, parents).items() if home == lake and run_id != parent]
    for trial in trials:
        if trial.data.tags[PARENT] in other:
            client.set_tag(trial.info.run_id, PARENT, parent)
    for run_id, found in parents.items():
        if found == lake and run_id != parent:
            client.delete_tag(run_id, "kind")  # neither a study nor a trial for whoever lists runs
            client.set_tag(run_id, "merged_into", parent)


def homes(trials: Iterable[Any], parents: Mapping[str, str]) -> dict[str, str]:
    """Lake of every run that has trials below it: what it says itself if a trial is of that lake, else what most are.

    Args:
        trials: Runs of MLflow, oldest first.
        parents: Lake of each parent run that is there.
    """
    below: dict[str, list[str]] = defaultdict(list)
    for trial in trials:
        below[trial.data.tags[PARENT]].append(trial.data.tags.get("lake", ""))
    said = {run_id: parents.get(run_id, "") for run_id in below}
    return {
        run_id: said[run_id] if said[run_id] in lakes else Counter(lakes).most_common(1)[0][0]
        for run_id, lakes in below.items()
    }


def _parents(client: Client, experiment_id: str) -> dict[str, str]:
    found = _search(client, experiment_id, f"tags.kind = '{STUDY}'")
    return {run.info.run_id: run.data.tags.get("lake", "") for run in found}


def _trials(client: Client, experiment_id: str) -> list[Any]:
    return [run for run in _search(client, experiment_id, "tags.kind = 'trial'") if PARENT in run.data.tags]


def _search(client: Client, experiment_id: str, words: str) -> list[Any]:
    return all_pages(
        lambda page: client.search_runs(
            [experiment_id], filter_string=words, order_by=["attributes.start_time ASC"], page_token=page
        )
    )
