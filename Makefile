# Needs Python 3.11 or newer and make, nothing else; no step asks anything.
# `make serve` and `make test` install into .venv first, and only when the pins or pyproject.toml are newer than what is there.

PORT ?= 8000
DATA ?= var
# The first of these that is new enough makes .venv: one name chooses, as in `make serve PYTHON=python3.12`.
PYTHON ?= python3 python3.13 python3.12 python3.11 python
UV ?= build/uv/bin/uv

BIN = .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# CommonMark's own examples are in the source archive of the parser, and in no wheel: it is fetched by the same pins.
PARSER_PIN = sed -n '/^markdown-it-py==/,/[^\\]$$/p' requirements/dev.txt
CORPUS = $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	--no-binary markdown-it-py --require-hashes --dest .venv/share/sdists

.PHONY: help serve test soak bench lint format pins

help:
	@echo "make serve [PORT=8000] [DATA=var]   run CoachKit with its demonstration organisations"
	@echo "make test                           everything that must hold: lint, types, floors, tests"
	@echo "make soak                           the tests that repeat something, with their full counts"
	@echo "make bench                          measure, side by side with others, into docs/benchmarks.md"
	@echo "make lint                           ruff, mypy and import-linter only"
	@echo "make format                         let ruff mend what it can"
	@echo "make pins                           choose and pin the newest dependencies again"

# `exec` leaves no shell between make and the command, so that a signal to make reaches it and it stops all it started.
serve: .venv/.serve
	@exec $(BIN)/coachkit demo --port "$(PORT)" --data "$(DATA)"

test: lint
	$(BIN)/pytest -n 3 --dist loadfile --cov --cov-report=term --cov-fail-under=90

soak: .venv/.dev
	$(BIN)/pytest -n 2 --dist loadfile -m soak --soak

# What CoachKit is measured beside is installed for this alone. `make bench ARGS=--quick` tries it, and writes nothing.
bench: .venv/.dev build/bench/.peers
	PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

# import-linter's cache knows a file by its own time, and so misses an import whose target has come since.
lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/.dev
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

COMPILE = $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make pins"
PIN = $(COMPILE) --group build pyproject.toml

pins: $(UV)
	$(PIN) --all-extras --output-file requirements/dev.txt
	$(PIN) --extra postgres --extra redis --constraint requirements/dev.txt --output-file requirements/serve.txt
	$(COMPILE) --group bench --constraint requirements/dev.txt --output-file requirements/bench.txt

.venv/.serve: .venv/.made requirements/serve.txt pyproject.toml hatch_build.py
	@echo "Installing CoachKit into .venv; this happens once." >&2
	@$(INSTALL) --require-hashes -r requirements/serve.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q coachkit
	@touch $@

.venv/.dev: .venv/.made requirements/dev.txt pyproject.toml hatch_build.py
	@echo "Installing CoachKit and its development tools into .venv; this happens once." >&2
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@$(PARSER_PIN) > .venv/parser.txt && $(CORPUS) -r .venv/parser.txt
	@touch .venv/.serve $@

.venv/.made:
	@for python in $(PYTHON); do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			$$python -m venv .venv && touch $@; exit; \
		fi; \
	done; \
	echo "CoachKit needs Python 3.11 or newer with its venv and ensurepip modules; none of these has them: $(PYTHON)" >&2; \
	echo "On Debian and Ubuntu: apt install python3-venv. To name a Python: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
	exit 1

build/bench/.peers: .venv/.made requirements/bench.txt
	@echo "Installing what CoachKit is measured beside into build/bench/peers; this happens once." >&2
	@$(BIN)/python -m venv build/bench/peers
	@build/bench/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

build/uv/bin/uv: .venv/.made
	@$(BIN)/python -m venv build/uv
	@build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
