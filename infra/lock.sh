#!/usr/bin/env bash
# Renews the lock files of both images, for Linux on x86-64, with the hashes of the package index: make lock
#
# uv resolves without downloading packages; --no-config and the unset variables keep this machine's settings out of the
# result. Renew the locks when pyproject.toml changes, then run the tests: they compare lock, manifests and pyproject.toml
# with each other. ICEBENCH_LOCK_CONSTRAINTS=FILE keeps versions to those of `pip freeze`.
set -euo pipefail
cd "$(dirname "$0")/.."

python_version=$(sed -n 's/^ARG PYTHON_VERSION=//p' infra/image/Dockerfile)
resolve() {
  env -u UV_DEFAULT_INDEX -u UV_INDEX -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS \
    uv pip compile --quiet --no-config --upgrade --generate-hashes --no-annotate --no-emit-index-url \
    --python-version "$python_version" --python-platform x86_64-manylinux_2_28 \
    --custom-compile-command "make lock" "$@"
}

resolve pyproject.toml --extra ingest --extra s3 --extra train --extra sweep --extra cloud \
  ${ICEBENCH_LOCK_CONSTRAINTS:+--constraints "$ICEBENCH_LOCK_CONSTRAINTS"} --output-file infra/image/requirements.lock
resolve infra/mlflow/requirements.in --constraints infra/image/requirements.lock \
  --output-file infra/mlflow/requirements.lock
