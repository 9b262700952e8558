"""Runs a verb with what was typed: files are read, words joined, and a moment gets the zone of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluentsd.cli.files import read_toml
from fluentsd.cli.quick_parser import Plain
from fluentsd.cli.runner import REFUSE_AS_JSON, Shell, local_moment, run_program, run_verb
from fluentsd.verbs.verb import Verb


def perform(shell: Shell, verb: Verb, typed: Mapping[str, Any]) -> None:
    """Run the verb and print its answer. `typed`: a file is a path, several words are a list, None is not given."""
    given: dict[str, Any] = dict(typed)
    for name, value in typed.items():
        if isinstance(value, Path):
            given[name] = read_toml(value)
    for param in verb.params:
        if isinstance(given.get(param.name), list) and param.kind != "texts":
            given[param.name] = " ".join(given[param.name])
        if param.kind == "moment" and given.get(param.name) and not given.get("ref"):
            given[param.name] = local_moment(given[param.name], days=param.whole_days)
    run_verb(shell, verb.name, {name: value for name, value in given.items() if value is not None})


def run_plain(plain: Plain) -> None:
    """The whole program for a plain verb."""
    shell = Shell(plain.config)
    shell.as_json = plain.as_json
    asked = REFUSE_AS_JSON.set(plain.as_json)
    try:
        run_program(lambda: perform(shell, plain.verb, plain.given))
    finally:
        REFUSE_AS_JSON.reset(asked)
