# MrAster: `make up` runs it, `make test` tests it, `make help` lists the rest.
# Needs Python 3.11 or newer. The page is built with the Node on PATH, or with the one of a Python package.
SHELL := /bin/sh
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMPS := $(VENV)/.stamps
PIP := $(PY) -m pip --disable-pip-version-check --no-input --quiet
WEB := services/dashboard/web
PAGE := services/dashboard/static/index.html
ARGS ?=
PYTEST_ARGS ?=
JOBS ?= 2

.PHONY: help up check static test generate lock web bench chaos clean secrets

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

up: $(STAMPS)/local $(PAGE) ## run everything on this machine; options: make up ARGS="--market synthetic"
	@exec $(BIN)/mraster up $(ARGS)

check: static ## format, lint, types, import rules, sizes, generated files, unit tests
	@$(PY) -m pytest -q tests/unit $(PYTEST_ARGS)

static: $(STAMPS)/dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy services shared tests/fakes tools
	@$(BIN)/lint-imports --no-cache
	@$(PY) tools/check_sizes.py
	@$(PY) tools/check_generated.py

test: static $(PAGE) $(STAMPS)/chromium ## all checks and all tests, with real servers and a browser
	@$(PY) tools/build_web.py --check
	@exec $(PY) -m pytest -q -n $(JOBS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

generate: $(STAMPS)/dev ## write the generated references and contracts anew
	@$(PY) tools/check_generated.py --write

web: ## build the page
	@rm -f $(PAGE)
	@$(MAKE) --no-print-directory $(PAGE)

bench: $(STAMPS)/dev ## print figures, one per line: bench <name> <value> <unit>
	@$(PY) tools/bench.py $(ARGS)

chaos: $(STAMPS)/dev ## the long failure tests
	@exec $(PY) -m pytest -q tests/chaos $(PYTEST_ARGS)

secrets: $(STAMPS)/local ## make the passwords that docker compose needs
	@$(BIN)/mraster secrets init

lock: $(STAMPS)/dev ## resolve the dependencies anew into requirements/
	@$(PIP) install uv
	@$(PY) tools/lock.py

clean: ## remove the environment, the page and all caches; keeps .home
	@rm -rf $(VENV) services/dashboard/static $(WEB)/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: each step leaves a stamp, so that the next run is quick ------------------------------------------

$(STAMPS)/venv:
	@command -v $(PYTHON) >/dev/null || { echo "MrAster needs Python 3.11 or newer: $(PYTHON) was not found. Install it, or run: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "MrAster needs Python 3.11 or newer, found %s (%s). Install a newer one and run: make $(MAKECMDGOALS) PYTHON=/path/to/python3" % (sys.version.split()[0], sys.executable))'
	@echo "creating the environment in $(VENV)"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS)
	@touch $@

$(STAMPS)/local: $(STAMPS)/venv requirements/local.txt requirements/build.txt pyproject.toml
	@echo "installing what MrAster needs"
	@$(PIP) install --require-hashes -r requirements/local.txt
	@$(PIP) install --require-hashes -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/local requirements/dev.txt
	@echo "installing what the checks and tests need"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(STAMPS)/chromium: $(STAMPS)/dev
	@$(PY) tools/ensure_chromium.py
	@touch $@

$(PAGE): $(STAMPS)/local $(shell find $(WEB) -type f -not -path '*/node_modules/*' 2>/dev/null)
	@$(PY) tools/build_web.py
