# Each target does all of its own set-up: a fresh machine needs Python 3.11 or later and nothing else by hand.
# .venv and the jars of Kafka are made once, by one make at a time, and again only when their lists change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two tests at a time, and one when files are named. Each lane may take 2 GB: with little memory, LANES=1.
LANES ?= $(if $(filter tests%,$(ARGS)),1,2)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test up down status bench lint format lock pin clean tools

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) tools ## Show the launch day on real processes, with real pictures, in two minutes
	@$(BIN)/telehealth demo

test: $(READY) tools ## Run all tests on a real PostgreSQL and Kafka, and in a real browser
	@bash tests/debian.sh
	@$(BIN)/python -m pytest -n $(patsubst 1,0,$(LANES)) $(ARGS)

up: $(READY) tools ## Start everything and keep it running
	@$(BIN)/telehealth up

down: $(READY) ## Stop what runs on the data folder
	@$(BIN)/telehealth down

status: $(READY) ## Show what runs and where it is reached
	@$(BIN)/telehealth status || [ $$? -ge 3 ]

bench: $(READY) tools ## Measure, and print the figures with the machine's description
	@$(BIN)/telehealth bench $(ARGS)

lint: $(READY) ## Check style, types and who imports whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## Put the code into its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(READY) ## Write what is derived from the code: shapes of events, schema, reference docs
	@$(BIN)/python -m tests.golden
	@$(BIN)/python -m docs.generate

pin: $(READY) ## Pin requirements.in with hashes, without addresses
	@$(BIN)/python -m uv --version > /dev/null 2>&1 || $(BIN)/python -m pip install -q uv
	@$(BIN)/python -m uv pip compile requirements.in -o requirements.lock --quiet --generate-hashes --universal \
		--python-version 3.11 --no-header --no-emit-index-url

clean: ## Remove what make made; the data folder stays
	@rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

tools:
	@bash infra/local/tools.sh

$(READY): requirements.lock pyproject.toml infra/local/venv.sh
	@flock .venv.lock bash infra/local/venv.sh "$(PYTHON)" "$(VENV)"
