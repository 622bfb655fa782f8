"""What is done with every command of the docs. One that stands nowhere here fails the tests: give it a line.

In order of trust: it runs as it stands; it is given to the real command line, which starts no work; or nothing here can
check it, and its line says why.
"""

import re
from typing import Final, Literal

from tests.docs.pages import Command

Kind = Literal["runs", "parsed", "unchecked"]

RUN_BY: Final = {
    "docs/tour.md": "tests/docs/test_tour.py",
    "docs/models.md": "tests/sweeps/compare/test_models_docs.py",
}
"""Pages whose commands follow from each other: their test types them in order, but for those that are parsed."""

RUNS: Final = {
    r"python -m datasets (show|leaks) (LAKE|data/lake)": "test_commands.py",
    r"python -m (sweeps list|training specs|training models|training run .*--show)$": "test_commands.py",
    r"python -m sweeps (status|report)( downscale)?$": "test_commands.py",
    r"python sweeps/(?!feature)\w+\.py .*--dry-run$": "test_commands.py",
    r"python -m ingest (build data/raw-|melt data/lake|verify data/lake)": "test_commands.py",
    r"(export|set|cd|printf|mkdir|umask|\w+=) ?": "test_commands.py",  # bash -n
    r"python -m training attribute": "../training/attribution/test_docs.py",
    r"python -m training predict --checkpoint (0123|runs/TRIAL )": "../training/prediction/test_docs.py",
    r"python sweeps/feature_importance\.py": "../training/attribution/test_docs.py",
}
"""The test beside this file that runs it; words of the shell are looked at by bash."""

PARSED: Final = {
    r"python -m ingest build figshare:": "200 GB from the archive; run on a small one by tests/ingest/stream",
    r"python -m ingest (build /raw|verify \$)": "needs the raw archives and a bucket",
    r"python -m ingest build NEW\.nc": "run by tests/training/prediction/test_docs.py",
    r"python -m ingest migrate": "needs a lake of an earlier version; run by tests/ingest/test_migrate.py",
    r"python -m training run --spec icebench_unet --lake": "the published trial takes a GPU-day, or weights of others",
    r"python sweeps/(?!feature)\w+\.py --lake data/lake(?!.*--dry-run)": "takes GPU-days; planned with --dry-run",
    r"python -m sweeps report feature_importance": "needs the networks of a study",
    r"python -m sweeps (report|status) downscale .*--(tracking-uri http|lake-digest)": "needs a server of its own",
    r"python sweeps/\w+\.py --dry-run --measure$": "times steps of networks of the published size",
    r"python -m datasets export ": "writes gigabytes; run by tests/datasets/export",
    r"python -m infra\.costs": "run by tests/infra/costs/test_command.py",
    r"python -m sweeps doctor": "looks at servers, and at every node",
    r"python -m sweeps status downscale --watch$": "goes on until the study ends",
    r"python -m sweeps sync$": "needs what a trial could not send",
    r"python infra/render\.py ": "tests/infra fill in every file",
    r"(cp|source) ": "files of a fresh checkout",
    r"ray ": "needs a cluster; tests/end_to_end submit jobs in these forms",
    r"(mlflow|sh infra/mlflow/serve\.sh)": "a server that stays",
    r"make ": "the tests themselves, or what they would do to this machine",
    r"(\.venv/bin/)?pip install": "a registry",
    r"sbatch ": "needs Slurm; tests/infra/test_slurm.py runs the script",
    r"aws (?!s3 )": "needs an account",
}
"""Why it does not run. The real command line takes its words, and the plan of a study is made."""

UNCHECKED: Final = {
    r"torchrun ": "PANGAEA-bench, which no registry has",
    r"(gcloud|kubectl|docker|helm|may)( |$)": "needs a cloud or a container engine; looked up by hand",
    r"(squeue|tail) ": "needs Slurm; looked up by hand",
    r"(openssl|curl|hostname|pg_restore|scp) ?": "a program of the system",
    r"python3 -m venv ": "Python's own",
    r"python3 install\.py$": "a file of the kit, on its node; tests/infra/test_gpu_kit.py looks at it",
}
"""Why nothing here can check it."""


def kinds(command: Command) -> list[tuple[Kind, str]]:
    """All lines that a command meets, with their pattern; it should be one."""
    tables: dict[Kind, dict[str, str]] = {"runs": RUNS, "parsed": PARSED, "unchecked": UNCHECKED}
    found = [(kind, pattern) for kind, table in tables.items() for pattern in table if re.match(pattern, command.text)]
    in_order = command.page in RUN_BY and not any(kind == "parsed" for kind, _ in found)
    return [("runs", command.page)] if in_order else found
