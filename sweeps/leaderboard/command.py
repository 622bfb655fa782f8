"""`python -m sweeps leaderboard`: the best of every network beside published numbers; submissions, and their check."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Column, Table

from datasets.errors import IceBenchError, unknown_name
from datasets.process.checkout import ROOT
from datasets.process.folders import folder_for
from datasets.process.terminal import err, print_whole, user_errors
from sweeps.leaderboard.published import SCORES
from sweeps.leaderboard.submission import FORMS, Form, Submission, SubmissionError, make_submission, remarks, to_json
from sweeps.record.tracking_option import USUAL_TRACKING, TrackingUri
from sweeps.report.terminal import note, note_other_lakes, say, terminal_table, warn

if TYPE_CHECKING:
    from sweeps.leaderboard.check import CheckedScore
    from sweeps.leaderboard.ranking import Ranked
    from sweeps.record.study import TrialRow

_FIXED: Final = {"methodology": "Supervised", "data_used": "Labeled"}
"""Fields of a submission that are the same for every trial here, in the words of the public leaderboard."""


class NoLeaderboardError(IceBenchError, ValueError):
    """There is nothing to rank, or options that do not go together."""


def leaderboard_command(
    tracking_uri: TrackingUri = "",
    lake_digest: Annotated[
        str, typer.Option(help="Which lake, where trials ran on several (without: the newest).", metavar="DIGEST")
    ] = "",
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the files (without: results/leaderboard).", metavar="DIR"),
    ] = None,
    submission: Annotated[
        Path | None, typer.Option(help="Also write the JSON of the public leaderboard here.", metavar="FILE")
    ] = None,
    model: Annotated[
        str, typer.Option(help="With --submission: network to submit, as in the table (without: the best).")
    ] = "",
    form: Annotated[
        str, typer.Option(help="With --submission: readme (percent, IoU, link) or script (shares of 1).")
    ] = "readme",
    model_type: Annotated[str, typer.Option(help="With --submission: CNN, Transformer, UNet, ...")] = "",
    link: Annotated[str, typer.Option(help="With --submission --form readme: address of the code.")] = "",
    inference_time: Annotated[
        str, typer.Option(help="With --submission --form script: such as '0.9 sec per scene'.")
    ] = "",
    check: Annotated[
        Path | None,
        typer.Option(help="Only check a submission, of either form; with --predictions and --lake its claims too."),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="With --check: folder with one class map per test scene.", metavar="DIR"),
    ] = None,
    lake: Annotated[str, typer.Option(help="With --check: the lake with the charts.", metavar="URL")] = "",
    ratio: Annotated[int, typer.Option(help="With --check: grid of the class maps (2: 80 m).", min=1)] = 2,
) -> None:
    """Rank the best of every network on a lake, beside published numbers; write or check a submission.

    Writes leaderboard.md, .csv and .html. Exits with 1 where a checked submission claims what its predictions do not
    give. docs/models.md says what is in a class map.
    """
    with user_errors():
        if check is not None:
            if not _check(check, predictions, lake, ratio):
                raise typer.Exit(1)
            return
        if predictions is not None or lake:
            raise NoLeaderboardError("--predictions and --lake are for --check FILE: give the submission too")
        if form not in FORMS:
            raise unknown_name("form", form, FORMS)
        if submission is not None and submission.exists():
            raise NoLeaderboardError(f"{str(submission)!r} exists: give another --submission, or remove it")
        folder = folder_for(out_folder or ROOT / "results/leaderboard")
        if submission is not None:
            folder_for(submission.parent)
        uri = tracking_uri or USUAL_TRACKING
        ranked, lake_digest = _ranked(uri, lake_digest)
        wanted = [each for each in ranked if model in ("", each.model)]
        made = None
        if submission is not None:
            if not wanted:
                raise unknown_name("network of the leaderboard", model, [each.model for each in ranked])
            texts = {"model_type": model_type, "github_link": link, "inference_time": inference_time}
            made = _submission(wanted[0], "script" if form == "script" else "readme", texts)
        _write(ranked, lake_digest, uri, folder)
        if submission is not None and made is not None:
            _write_submission(submission, made, wanted[0].submitted)


def _ranked(tracking_uri: str, lake_digest: str) -> "tuple[tuple[Ranked, ...], str]":
    from sweeps.leaderboard.ranking import rank
    from sweeps.record.studies import list_trials

    with err.status("reading MLflow"):
        rows = [row for row in list_trials(tracking_uri) if row.tags.get("lake")]
    lakes = list(dict.fromkeys(row.tags["lake"] for row in rows))
    if not lakes:
        raise NoLeaderboardError(
            "there is no trial on this tracking server: run a study, or give its --tracking-uri (MLFLOW_TRACKING_URI)"
        )
    if lake_digest and lake_digest not in lakes:
        raise unknown_name("lake of the trials", lake_digest, lakes)
    lake = lake_digest or lakes[0]
    if not lake_digest:
        note_other_lakes("trials", lakes)
    ranked = rank(row for row in rows if row.tags["lake"] == lake)
    if not ranked:
        raise NoLeaderboardError(
            f"no finished trial on the lake {lake} was scored in SOD on the 80 m grid of all test scenes: run a study "
            "first, such as base_model"
        )
    return ranked, lake


def _write(ranked: "tuple[Ranked, ...]", lake: str, tracking_uri: str, folder: Path) -> None:
    from sweeps.leaderboard.board import PROTOCOL, board, markdown, page, synthetic
    from sweeps.record.lake_note import lake_words
    from sweeps.record.studies import list_studies
    from sweeps.report.page import write_texts
    from training.tracking.server import public

    table = board(ranked)
    notes = (row.lake_note for row in list_studies(tracking_uri) if row.lake == lake and row.lake_note is not None)
    words = lake_words(lake, next(notes, None), synthetic=synthetic(ranked))
    texts = {
        "leaderboard.md": markdown(table, lake=words),
        "leaderboard.csv": table.to_csv(),
        "leaderboard.html": page(table, lake=words, uri=public(tracking_uri)),
    }
    write_texts(folder, texts)
    shown = terminal_table(table, [place for place, name in enumerate(table.header) if name != PROTOCOL])
    shown.columns[0].no_wrap = True
    print_whole(shown, wrapped=True)
    if synthetic(ranked):
        say("The scenes of this lake are synthetic: scores say nothing about ice, and no published row is beside them.")
    else:
        say("Published rows have other protocols; the files say which.")
    say(f"leaderboard: {folder / 'leaderboard.html'}")


def _submission(chosen: "Ranked", form: Form, texts: dict[str, str]) -> Submission:
    from sweeps.leaderboard.ranking import is_synthetic, value_of
    from sweeps.report.labels import ENOUGH_TO_RANK

    if is_synthetic(chosen.submitted):
        raise SubmissionError(
            "the scenes of this lake are synthetic, and a submission is of real ones: build a lake from the AI4Arctic "
            "files and run a study on it"
        )
    if chosen.rank is None:
        raise SubmissionError(
            f"{chosen.model} has {len(chosen.trials)} of the {ENOUGH_TO_RANK} seeds that a rank needs: train more seeds"
        )
    options = {"model_type": "--model-type", "github_link": "--link", "inference_time": "--inference-time"}
    for field, option in options.items():
        if field in FORMS[form].model_fields and not texts[field]:
            raise SubmissionError(f"a submission of the form {form!r} needs {field}: give it with {option}")
    return make_submission(
        {name: value_of(chosen.submitted, name) for name in SCORES},
        form,
        {**texts, **_FIXED, "model_name": chosen.model},
    )


def _write_submission(path: Path, submission: Submission, trial: "TrialRow") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_json(submission), encoding="utf-8")
    say(
        f"submission: {path} (form {submission.form}, scores on the 80 m grid)",
        f"It is of one network: run {trial.run_id}, trial {trial.trial_id}, the seed with the best val F1. Make its "
        "class maps with `python -m training predict --leaderboard`.",
    )


def _check(path: Path, predictions: Path | None, lake_url: str, ratio: int) -> bool:
    from datasets.lake import Lake
    from sweeps.leaderboard.check import check_claims, read_submission

    if (predictions is None) != (not lake_url):
        raise NoLeaderboardError(
            "--predictions and --lake go together: give both to score the predictions, or none to check the file alone"
        )
    submission = read_submission(path)
    say(f"{path.name}: a submission of the form {submission.form!r} of {submission.model_name}")
    warn(remarks(submission))
    if predictions is None:
        say("Its scores were not checked: give --predictions and --lake for that.")
        return True
    found = check_claims(submission, predictions, Lake.open(lake_url), ratio=ratio)
    print_whole(_claims_table(found), wrapped=True)
    wrong = [claim.score for claim in found if not claim.holds]
    if wrong:
        note(f"The predictions do not give what is claimed in {', '.join(wrong)}.")
    else:
        say("The predictions give what is claimed.")
    return not wrong


def _claims_table(found: "list[CheckedScore]") -> Table:
    table = Table("score", Column("claimed [%]", justify="right"), Column("predictions [%]", justify="right"), "agrees")
    for claim in found:
        claimed = ("-", "-") if claim.claimed is None else (f"{claim.claimed:.2f}", "yes" if claim.holds else "no")
        table.add_row(claim.score, claimed[0], f"{claim.found:.2f}", claimed[1])
    return table
