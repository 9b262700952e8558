# Two commands: `make demo` and `make test`. Both set up everything they need on a machine with Python ≥ 3.11.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PARTS := -e plugins/channel_sandbox -e plugins/channel_email -e plugins/channel_sms

.PHONY: demo test lint types check bench crash mta wheels clean
demo: $(VENV)/demo.done
	$(BIN)/fluentsd demo

test: $(VENV)/test.done
	$(BIN)/python -m pytest -q -m "not crash and not mta" -n 2

crash: $(VENV)/test.done  ## the long kill soaks: 350 SIGKILLs
	$(BIN)/python -m pytest -q -m crash -n 2

mta: $(VENV)/test.done  ## e-mail through real servers: exim4 and dovecot, if they are installed
	$(BIN)/python -m pytest -q -m mta

lint: $(VENV)/test.done
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/test.done
	$(BIN)/mypy --strict fluentsd $(wildcard plugins/*/fluentsd_channel_*)

check: lint types test

bench: $(VENV)/test.done  ## our figures beside the peers'; ONLY=name runs one
	$(BIN)/python bench/run.py $(ONLY)

wheels: $(VENV)/test.done
	$(BIN)/python -m pip wheel -q --no-deps -w dist . plugins/channel_sandbox plugins/channel_email plugins/channel_sms

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "fluentsd needs Python 3.11 or newer; none was found"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.done: pyproject.toml constraints.txt plugins/*/pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[demo]" $(PARTS)
	@touch $@

$(VENV)/test.done: pyproject.toml constraints.txt plugins/*/pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[test]" $(PARTS)
	@touch $@ $(VENV)/demo.done

clean:
	rm -rf $(VENV) dist bench/.venv .mypy_cache .ruff_cache .pytest_cache
