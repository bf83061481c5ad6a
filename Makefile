# Two commands matter: "make demo" and "make test". Both set everything up first; that takes seconds once it is done.
# While working it is "make check".
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo check test lint bench attack score record docs lock clean

BIN := .venv/bin
CASES ?= ../shared/cases
SCORE ?= ../shared/score.py
LABELLED = "$(CASES)/public" "$(CASES)/found" "$(CASES)/kd-gat"
PYTEST_ARGS ?=
CORES := $(shell getconf _NPROCESSORS_ONLN)
PYTEST = $(BIN)/python -m pytest --dist loadgroup
# What starts none of these is a unit test, and takes no more than seconds.
UNIT := not (snakemake or snakemake7 or slurm or training or slow)
# The coverage has a floor, which is one of all tests: a choice of them is not measured.
COVERAGE = $(if $(PYTEST_ARGS),,--cov --cov-report=)

# A stamp says that an environment is complete; it is older than its lock exactly when the lock has changed since.
RUNTIME := .venv/.ready
TESTING := .venv/.ready-test
SNAKEMAKE7 := .venv-snakemake7/.ready

help:
	@sed -n 's/^## //p' Makefile

## make setup       .venv with everything that the workflow needs
setup: $(RUNTIME)

## make setup-test  the checkers as well, and .venv-snakemake7 with the target project's Snakemake
setup-test: $(TESTING) $(SNAKEMAKE7)

$(RUNTIME): requirements.lock tools/venv.sh tools/postmortem
	@tools/venv.sh .venv requirements.lock
	@ln -sfn ../../tools/postmortem .venv/bin/postmortem
	@touch $@

$(TESTING): requirements-test.lock $(RUNTIME)
	@tools/venv.sh .venv requirements-test.lock
	@touch $@

$(SNAKEMAKE7): requirements-snakemake7.lock tools/venv.sh
	@tools/venv.sh .venv-snakemake7 requirements-snakemake7.lock
	@touch $@

## make demo        really fail some training runs in demo/, and diagnose them
demo: setup
	@$(BIN)/python examples/pipeline/run_demo.py demo

## make check       what should hold before each push, in about a minute: lint, types, unit tests
check: lint
	$(PYTEST) -n $(CORES) -m "$(UNIT)" -q $(PYTEST_ARGS)

## make test        all checks and all tests
# One worker more than there are cores: that of the tests under SLURM waits most of the time.
test: setup setup-test lint
	$(PYTEST) -n $$(( $(CORES) + 1 )) $(COVERAGE) $(PYTEST_ARGS)

## make lint        ruff, mypy, snakefmt, snakemake --lint
lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@PATH="$$PWD/$(BIN):$$PATH" tools/lint_snakefiles.sh

## make bench       the performance figures, as bench/README.md explains them
bench: setup-test
	@$(BIN)/python bench/measure.py

## make attack      hostile files, names, secrets and kills, by the thousand: what was tried and what survived, in an hour
attack: setup-test
	@PYTHONPATH="$(CURDIR)/workflow/scripts:$(CURDIR)/tests" $(BIN)/python tests/attack.py

## make score       diagnose the labelled cases, if they are beside this repository, and keep above the floor
score: setup
	@if [ -e "$(SCORE)" ]; then \
		rm -rf build/scored && mkdir -p build && $(BIN)/python "$(SCORE)" $(LABELLED) --tool . --verbose --json build/score.json --keep build/scored && \
		$(BIN)/python tools/reliability.py build/score.json build/scored $(LABELLED) && \
		$(BIN)/python tools/score_floor.py build/score.json tests/score_floor.json; \
	else echo "score: skipped, there are no labelled cases ($(SCORE))"; fi

## make record      how often each entry was right, anew from what "make score" has left
record: setup
	$(BIN)/python tools/record.py build/score.json build/scored $(LABELLED) --write workflow/record.yaml

## make docs        the catalogue's pages again, after its entries have changed
docs: setup
	$(BIN)/python workflow/scripts/catalogue_pages.py docs/catalogue

## make lock        resolve pyproject.toml and the requirements*.in again
lock: setup
	$(BIN)/python tools/lock.py requirements.lock pyproject.toml requirements.in
	$(BIN)/python tools/lock.py requirements-test.lock requirements.lock requirements-test.in
	$(BIN)/python tools/lock.py requirements-snakemake7.lock requirements-snakemake7.in

## make clean       remove the environments and what demo and tests made
clean:
	rm -rf .venv .venv-snakemake7 demo build .pytest_cache .mypy_cache .ruff_cache .hypothesis .snakemake
