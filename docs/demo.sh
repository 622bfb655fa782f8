#!/usr/bin/env bash
# The main job from raw scenes to MLflow, in a few minutes on two cores: bash docs/demo.sh FOLDER (run by `make demo`).
# Run again, it keeps what is there: scenes, lake and finished trials.
set -euo pipefail

folder=${1:?give a folder for raw scenes, lake and results}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
lake=$folder/lake
tracking=sqlite:///$folder/mlflow.db
started=$SECONDS

say() { printf '\n== %s\n' "$*"; }

if [ ! -f "$lake/catalog.parquet" ]; then
  say "1. synthetic raw scenes, as the AI4Arctic archives have them"
  python -m ingest sample "$folder/raw/train" --scenes 12 --lines 1000 --samples 1040 --seed 1
  python -m ingest sample "$folder/raw/test" --scenes 4 --lines 1000 --samples 1040 --seed 2
  say "2. the lake: Dask turns netCDF into Zarr"
  python -m ingest build "$folder/raw/train" --lake "$lake" --workers 2
  python -m ingest build "$folder/raw/test" --lake "$lake" --workers 2 --split test
fi
say "3. the study: Ray trains the U-Net at three pixel spacings, three seeds each"
python sweeps/downscale.py --smoke --task pixel --lake "$lake" --tracking-uri "$tracking" --storage "$folder/ray"

# Quoted as a shell wants it: the folder of a project may have spaces.
cat <<EOF

Done in $((SECONDS - started)) s. Look further:
  the lake:       .venv/bin/python -m datasets show $(printf %q "$lake")
  all runs:       MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false .venv/bin/mlflow ui --workers 1 --backend-store-uri $(printf %q "$tracking")
                  open http://127.0.0.1:5000/#/experiments?workflowType=machine_learning, experiment "downscale-smoke"; the
                  parent run holds the report, [+] beside it shows the trials, each with curves and maps (the variable saves
                  2 GB of memory)
  step by step:   docs/tour.md
  other trials:   .venv/bin/python sweeps/downscale.py --help
EOF
