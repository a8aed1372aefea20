# `make demo` and `make test` are all a newcomer needs; each prepares .venv first, once.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# pip compiles nothing, so what a first process compiled must be kept for the hundreds that tests and trials start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv demo test test-fast bench-check claims lint type clean

help:            ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

venv: .venv/.installed  ## prepare .venv with the pinned dependencies

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "phase-lab needs Python 3.11 or newer; choose one with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: venv       ## train both trainers on real input in a few minutes and write a report
	$(BIN)/lab demo

test: venv       ## run the whole test suite
	$(BIN)/pytest -n 2

test-fast: venv  ## run the tests that take seconds
	$(BIN)/pytest -n 2 -m "not slow"

bench-check: venv  ## fail where a trainer is slower than nine tenths of a plain script
	OMP_NUM_THREADS=1 $(BIN)/lab bench gan --short --check 0.9
	OMP_NUM_THREADS=1 $(BIN)/lab bench rl --short --check 0.9

claims: venv     ## write the table of claims in the README, and its figure, anew from results/
	$(BIN)/lab claims --update README.md
	$(BIN)/lab claims --figure results/claims

lint: venv       ## ruff: rules and formatting
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

type: venv       ## mypy, strict
	$(BIN)/mypy

clean:           ## remove the environment and caches (results/ stays)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
