# `make help` lists the targets. Each one installs what it needs into .venv, on a machine with Python 3.11 or newer.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PARTS := $(addprefix -e ,$(wildcard plugins/*))
# Workers of the tests: as many as the machine has cores.
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

.DEFAULT_GOAL := help
.PHONY: help demo preview browser pictures test lint types check bench crash fuzz mta wheels clean

help:  ## lists the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/demo.done  ## runs a campaign of a week in under a minute, on a simulated clock
	$(BIN)/fluentsd demo

preview: $(VENV)/demo.done  ## shows the Slack commands in a browser, without a workspace
	$(BIN)/fluentsd slack preview

# Compiled modules are kept even where the environment forbids it: workers and processes of tests start many times.
test: $(VENV)/test.done  ## runs the test suite on SQLite and PostgreSQL
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -m "not crash and not mta and not browser" -n $(WORKERS) --dist worksteal

lint: $(VENV)/test.done  ## checks style and formatting
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/test.done  ## checks types
	$(BIN)/mypy --strict fluentsd $(wildcard plugins/*/fluentsd_*)

check: lint types test  ## lint, types and tests

crash: $(VENV)/test.done  ## kills a daemon some 800 times on both databases and counts contacts at the carriers
	$(BIN)/python -m pytest -q -m crash -n 2

fuzz: $(VENV)/test.done  ## feeds random input to all that strangers reach, for MINUTES (60)
	$(BIN)/python -m tests.fuzz $(or $(MINUTES),60)

browser: $(VENV)/test.done  ## drives the preview in a headless Chromium, if one is installed
	$(BIN)/python -m pytest -q -m browser

pictures: $(VENV)/test.done  ## takes the pictures of docs/slack.md again, in a headless Chromium
	$(BIN)/python docs/pictures.py

mta: $(VENV)/test.done  ## sends e-mail through exim4 and dovecot, if they are installed
	$(BIN)/python -m pytest -q -m mta

bench: $(VENV)/test.done  ## runs the benchmarks; ONLY=name runs one
	$(BIN)/python bench/run.py $(ONLY)

wheels: $(VENV)/test.done  ## builds the wheels into dist/
	rm -rf dist
	$(BIN)/python -m pip wheel -q --no-deps -w dist . $(wildcard plugins/*)

clean:  ## removes .venv, dist/ and all caches
	rm -rf $(VENV) dist bench/.venv .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "fluentsd needs Python 3.11 or newer; none was found"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.done: pyproject.toml constraints.txt plugins/*/pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[demo,slack]" $(PARTS)
	@touch $@

$(VENV)/test.done: pyproject.toml constraints.txt plugins/*/pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[test]" $(PARTS)
	@touch $@ $(VENV)/demo.done
