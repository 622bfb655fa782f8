"""What can go wrong between a spec, the network and the identity of its trial, and its files."""

from typing import Final

from tests.mutants.killers import SELECTION, TRAINING, row
from tests.mutants.mutant import Mutant

SPEC: Final = (
    Mutant(
        "loss.sic is dropped",
        "training/models/heads.py",
        'spec.loss.sic == "regression"',
        "False",
        row("loss.sic"),
    ),
    Mutant(
        "heads of three charts lie on each other",
        "training/models/heads.py",
        "heads[-1].first + heads[-1].width",
        "heads[-1].width",
        f"{TRAINING}/models/test_heads.py",
    ),
    Mutant(
        "the seed is no part of the identity where it is 0",
        "training/spec/identity.py",
        '    "": "seed",\n',
        '    "": "",\n',
        f"{TRAINING}/spec/test_identity.py",
    ),
    Mutant(
        "a changed default changes the id of old trials",
        "training/spec/identity.py",
        "to_jsonable_python(came_with.get(path, default),",
        "to_jsonable_python(default,",
        f"{TRAINING}/spec/test_identity.py",
    ),
    Mutant(
        "rules that changed leave the id as it was",
        "training/spec/identity.py",
        "return content if rules == 1 else",
        "return content if True else",
        f"{TRAINING}/spec/test_identity.py",
    ),
    Mutant(
        "the reason of an old id is one of before it",
        "training/spec/identity.py",
        "if later > number",
        "if later <= number",
        f"{TRAINING}/spec/test_identity.py",
    ),
    Mutant(
        "finished work of another trial counts as this one's",
        "training/artifacts/trial_folder.py",
        "found is not None and found.trial_id == spec.trial_id",
        "found is not None",
        f"{TRAINING}/artifacts/test_trial_folder.py",
    ),
    Mutant(
        "a trial whose training goes on counts as finished",
        "training/artifacts/trial_folder.py",
        "(folder / BEST).is_file() and not (folder / LAST).exists()",
        "(folder / BEST).is_file()",
        f"{TRAINING}/artifacts/test_trial_folder.py",
    ),
    Mutant(
        "scores of a checkpoint are those of fresh weights",
        "training/loop/checkpoint.py",
        "        network.load_state_dict(self.state)\n",
        "",
        f"{TRAINING}/loop/test_checkpoint.py {SELECTION}::test_test_scores_are_those_of_the_best_epoch",
    ),
)
