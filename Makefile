# These commands do everything on a machine with Python (3.11 or newer), pip and make:
#   make demo       sample scenes -> lake -> downscale study -> MLflow, in a few minutes
#   make platform   S3 server, MLflow and Ray on this machine, until make platform-down; DEMO=1 adds a sample lake
#   make test       the tests; make test-fast those that need neither a server nor a cluster nor a training
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO_FOLDER := data/demo

.PHONY: demo pictures platform platform-down test test-fast mutants browser check bench test-gpu gpu-kit format image lock clean

$(VENV)/.installed: pyproject.toml
	@echo "installing into $(VENV), once: about 4 minutes and 7.5 GB"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -e '.[dev]'
	$(BIN)/python -m compileall -qq -j 0 -x '/tests/' $(VENV)/lib || true  # pip would take one core; templates do not compile
	touch $@

demo: $(VENV)/.installed
	PATH="$(CURDIR)/$(BIN):$$PATH" bash docs/demo.sh $(DEMO_FOLDER)

# The pictures of README and docs, drawn anew by the commands that the pages show.
pictures: $(VENV)/.installed
	PATH="$(CURDIR)/$(BIN):$$PATH" bash docs/pictures.sh data/pictures

# Further options in ARGS: make platform ARGS='--mlflow-port 5001 --folder /big/disk'.
platform: $(VENV)/.platform
	$(BIN)/python -m infra.platform up $(if $(DEMO),--demo) $(ARGS)

platform-down: $(VENV)/.platform
	$(BIN)/python -m infra.platform down $(ARGS)

$(VENV)/.platform: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[platform]'
	touch $@

PYTEST := $(BIN)/python -m pytest
SHARED := -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# Files that start clusters, which wait a lot, run beside those that compute, two at a time (tests/lanes.py).
test: $(VENV)/.installed
	$(PYTEST) $(SHARED) --durations=15 --durations-min=10

test-fast: $(VENV)/.installed
	$(PYTEST) -m "not slow" $(SHARED)

# Small wrong changes of the program, one at a time in a copy of it, each with the tests that must fail; not in CI.
# Some of them, without the first run of all tests: make mutants ARGS='--only sweeps/report --unchecked'.
mutants: $(VENV)/.installed
	$(BIN)/python -m tests.mutants $(ARGS)

# The browser of one end-to-end test, from Debian's or Ubuntu's packages; without one that test is skipped.
browser:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium; \
	else echo "no browser: install chromium as root (apt-get install chromium); tests that need one are skipped" >&2; fi

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed
	$(BIN)/python -m tests.benchmarks

# On a machine with a GPU; without one it says so and rehearses. Further options in ARGS='--minutes 15'.
test-gpu: $(VENV)/.installed
	$(BIN)/python -m tests.gpu $(ARGS)

# For a GPU machine without a network (docs/performance.md): data/gpu-kit-PYTHON, one folder for each of its Pythons.
KIT_PYTHON := 3.12 3.11
gpu-kit: $(VENV)/.installed
	@for python in $(KIT_PYTHON); do $(BIN)/python -m infra.gpu_kit --python "$$python" || exit 2; done

# The images of a cluster, named by ICEBENCH_IMAGE and MLFLOW_IMAGE (docs/operations.md).
image:
	docker build -f infra/image/Dockerfile --build-arg GIT_COMMIT="$$(git describe --always --dirty --abbrev=40 --exclude='*')" \
		-t "$${ICEBENCH_IMAGE:?name the image: see infra/env.example}" .
	docker build -t "$${MLFLOW_IMAGE:?name the image: see infra/env.example}" infra/mlflow

# Their lock files, anew from pyproject.toml; needs uv.
lock:
	bash infra/lock.sh

clean:
	rm -rf $(DEMO_FOLDER) .mypy_cache .ruff_cache .pytest_cache
