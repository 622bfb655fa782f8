"""What can go wrong between a study, its trials, their record and its report."""

from typing import Final

from tests.mutants.mutant import Mutant

SWEEPS: Final = "tests/sweeps"
DESIGN: Final = f"{SWEEPS}/design"
REPORT: Final = f"{SWEEPS}/report"

STUDIES: Final = (
    Mutant(
        "every trial of a study has the seed of its base",
        "sweeps/design/point.py",
        '{**spec_changes(changes), "seed": seed}',
        "spec_changes(changes)",
        f"{DESIGN}/test_experiment.py {DESIGN}/test_point.py",
    ),
    Mutant(
        "trials of two lakes have one id",
        "sweeps/design/point.py",
        'self.spec.with_("data.lake", lake_digest)',
        "self.spec",
        f"{DESIGN}/test_point.py",
    ),
    Mutant(
        "an attribution has the id of its training",
        "sweeps/design/point.py",
        "return trained if self.attribution is None else self.attribution.trial_id(trained)",
        "return trained",
        f"{DESIGN}/test_point.py",
    ),
    Mutant(
        "a value that changes nothing is a cell of its own",
        "sweeps/design/axes.py",
        "if changes_trial(base, step.changes):",
        "if True:",
        f"{DESIGN}/test_axes.py",
    ),
    Mutant(
        "one condition of --only is enough",
        "sweeps/design/axes.py",
        "return all(axis in labels and",
        "return any(axis in labels and",
        "tests/wires/test_reports.py",
    ),
    Mutant(
        "scene sets filter the val scenes",
        "sweeps/design/scene_sets.py",
        'f"data.train.{field}": value',
        'f"data.val.{field}": value',
        f"{DESIGN}/test_scene_sets.py",
    ),
    Mutant(
        "both cryoseasons are melt alone",
        "sweeps/design/scene_sets.py",
        '"data.train.cryoseason": "known"',
        '"data.train.cryoseason": "melt"',
        f"{DESIGN}/test_scene_sets.py",
    ),
    Mutant(
        "smoke runs stand under the name of the study",
        "sweeps/design/experiment.py",
        'name=f"{self.name}-smoke"',
        "name=self.name",
        f"{DESIGN}/test_experiment.py {SWEEPS}/test_studies.py",
    ),
    Mutant(
        "the record of a study does not name its seeds",
        "sweeps/record/design.py",
        "seeds=tuple(study.seeds)",
        "seeds=()",
        f"{SWEEPS}/record/test_design.py",
    ),
    Mutant(
        "a trial runs on a lake of another recipe",
        "sweeps/launch/plan.py",
        'lake.recipe["recipe"] == wanted',
        "True",
        f"{SWEEPS}/launch/test_plan.py",
    ),
    Mutant(
        "trials are not bound to their lake",
        "sweeps/launch/plan.py",
        "bound = trial.bound_to(lake.digest)",
        "bound = trial",
        f"{SWEEPS}/launch/test_plan.py",
    ),
    Mutant(
        "an order for another cell keeps its spec",
        "sweeps/launch/order.py",
        '"spec": self.spec.with_all(changes)',
        '"spec": self.spec',
        f"{SWEEPS}/launch/test_order.py",
    ),
    Mutant(
        "finished trials run again",
        "sweeps/launch/strategy.py",
        'else {"finished"}',
        "else set()",
        f"{SWEEPS}/launch/test_strategy.py",
    ),
    Mutant(
        "an attempt goes on from half of the checkpoints",
        "sweeps/launch/checkpoints.py",
        "whole = all(content",
        "whole = any(content",
        f"{SWEEPS}/launch/test_checkpoints.py",
    ),
    Mutant(
        "an attempt that was replaced goes on",
        "sweeps/launch/checkpoints.py",
        "if not self._is_owner():",
        "if False:",
        f"{SWEEPS}/launch/test_checkpoints.py",
    ),
    Mutant(
        "the record tells the score of the last epoch as the best",
        "sweeps/launch/trial_record.py",
        "self._best = max(self._best, metrics[SCORE])",
        "self._best = metrics[SCORE]",
        f"{SWEEPS}/launch/test_trial_record.py",
    ),
    Mutant(
        "cells that cannot run are expected by the report",
        "sweeps/launch/study_run.py",
        '"trials": design.trials - len(gone)',
        '"trials": design.trials',
        f"{SWEEPS}/launch/test_study_run.py",
    ),
)

RECORD: Final = (
    Mutant(
        "of several finished attempts the oldest counts",
        "sweeps/record/state.py",
        "row=those[-1]",
        "row=those[0]",
        f"{SWEEPS}/record/test_state.py {SWEEPS}/record/test_study.py",
    ),
    Mutant(
        "a failed retry hides that a trial has finished",
        "sweeps/record/state.py",
        '(("FINISHED", "finished"), ("RUNNING", "running"))',
        '(("RUNNING", "running"), ("FINISHED", "finished"))',
        f"{SWEEPS}/record/test_state.py",
    ),
    Mutant(
        "a trial that a scheduler ended has failed",
        "sweeps/record/state.py",
        "if STOPPED in last.metrics:",
        "if False:",
        f"{SWEEPS}/record/test_state.py",
    ),
    Mutant(
        "a value leaves a study and its trials stay",
        "sweeps/record/design.py",
        '"trials": self.trials - len(self.seeds)',
        '"trials": self.trials - 0 * len(self.seeds)',
        f"{SWEEPS}/record/test_design.py",
    ),
)

REPORTS: Final = (
    Mutant(
        "a report takes the newest attempt though it failed",
        "sweeps/report/evidence.py",
        'key=lambda row: (row.status == "FINISHED", row.started)',
        "key=lambda row: row.started",
        f"{REPORT}/test_evidence.py",
    ),
    Mutant(
        "trials of two tasks are averaged",
        "sweeps/report/labels.py",
        'return ("task",) if several and',
        "return () if several and",
        f"{REPORT}/test_evidence.py",
    ),
    Mutant(
        "the spread over seeds is that of a population",
        "sweeps/report/differences.py",
        "known.std(ddof=1)",
        "known.std(ddof=0)",
        f"{REPORT}/test_cells.py",
    ),
    Mutant(
        "the best of losses is the largest",
        "sweeps/report/cells.py",
        "sign = -1.0 if self.lower_is_better else 1.0",
        "sign = 1.0",
        f"{REPORT}/test_cells.py",
    ),
    Mutant(
        "cells are compared over all of their scenes",
        "sweeps/report/cells.py",
        "set.intersection(*every)",
        "set.union(*every)",
        f"{REPORT}/test_cells.py",
    ),
    Mutant(
        "a higher loss is better",
        "sweeps/report/score_tables.py",
        '(verdict == "higher") != comparison.lower_is_better',
        '(verdict == "higher")',
        "tests/wires/test_reports.py",
    ),
    Mutant(
        "all comparisons of a study are tested as if each stood alone",
        "sweeps/report/intervals.py",
        "ALPHA / (len(p_values) - step) if going else level",
        "ALPHA",
        f"{REPORT}/test_intervals.py",
    ),
    Mutant(
        "one side of the test is looked at",
        "sweeps/report/intervals.py",
        "fewest = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0)) + missing",
        "fewest = np.count_nonzero(known <= 0) + missing",
        f"{REPORT}/test_intervals.py",
    ),
    Mutant(
        "scenes without a label are drawn",
        "sweeps/report/intervals.py",
        "        and row.n > 0\n",
        "",
        f"{REPORT}/test_intervals.py",
    ),
    Mutant(
        "a score of a season is drawn from all scenes",
        "sweeps/report/intervals.py",
        "and metric.bin in (None, row.season, row.location, row.cryoseason)",
        "",
        f"{REPORT}/test_intervals.py",
    ),
    Mutant(
        "the AutoICE score takes F1 of SIC",
        "sweeps/report/intervals.py",
        'r2_array(counts) if name == "SIC" else',
        "",
        f"{REPORT}/test_intervals.py",
    ),
    Mutant(
        "trials that saw a part of the test scenes are ranked",
        "sweeps/leaderboard/ranking.py",
        'if any(row.params.get(name, "") not in ("", "None") for name in _TEST_CELL):',
        "if False:",
        f"{SWEEPS}/leaderboard/test_ranking.py",
    ),
    Mutant(
        "trials that did not finish are ranked",
        "sweeps/leaderboard/ranking.py",
        'row.status != "FINISHED" or ',
        "",
        f"{SWEEPS}/leaderboard/test_ranking.py",
    ),
    Mutant(
        "the network to submit is that of the first seed",
        "sweeps/leaderboard/ranking.py",
        "(trial.metrics.get(VAL_SCORE, -1.0), -seed_of(trial))",
        "-seed_of(trial)",
        f"{SWEEPS}/leaderboard/test_ranking.py",
    ),
    Mutant(
        "a model is compared with itself",
        "sweeps/compare/entries.py",
        "if entry.row.trial_id not in mine",
        "if True",
        f"{SWEEPS}/compare/test_entries.py",
    ),
    Mutant(
        "models of two charts are compared",
        "sweeps/compare/entries.py",
        "if theirs != ours:",
        "if False:",
        f"{SWEEPS}/compare/test_entries.py",
    ),
)

MUTANTS: Final = (*STUDIES, *RECORD, *REPORTS)
