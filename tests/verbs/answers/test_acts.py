"""Entries of the audit log as sentences."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import fluentsd
from fluentsd.verbs.answers import acts


@pytest.mark.parametrize(("verb", "target", "details", "says"), [
    ("pause", "spring", {"from": "active", "because": "the holiday"}, "paused spring (the holiday)"),
    ("pause", "spring", {"from": "active", "reason": "too many failures"}, "paused spring (too many failures)"),
    ("start", "spring", None, "started spring"),
    ("owner", "spring", {"from": "unix:root", "to": "slack:U2 Kim"}, "gave spring to slack:U2 Kim"),
    ("suppression add", "phone", {"because": "asked"}, "put a number on the suppression list (asked)"),
    ("stop-list add", "email", {}, "put an address on the suppression list"),
    ("retry", "spring", {"people": 1}, "queued people in error of spring again: 1 person"),
    ("dismiss", "spring", {"people": 1200}, "removed people in error from spring: 1,200 people"),
    ("release", "number:+12125550123", {}, "released the number +12125550123"),
    ("release", "installation:all", {}, "released everything"),
    ("numbers sync", "", {}, "imported the providers' numbers"),
    ("a verb of tomorrow", "spring", ["x"], "a verb of tomorrow spring"),
])  # fmt: skip
def test_an_act_is_a_sentence(verb: str, target: str, details: Any, says: str) -> None:
    assert acts.sentence(verb, target, details) == says


#: Functions of the verbs whose third argument is the name of the act.
_WRITE = ("change", "_move", "_halt", "_in_portions", "_settle_errors")


def _kept() -> set[str]:
    """The names under which the code writes acts into the log, where they are literal."""
    found = set()
    for file in Path(fluentsd.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Dict):
                entry = {key.value: one for key, one in zip(node.keys, node.values, strict=True)
                         if isinstance(key, ast.Constant)}  # fmt: skip
                found |= {entry["verb"]} if {"verb", "target"} <= entry.keys() else set()
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            is_verb = file.parent.name == "verbs"
            if (
                is_verb
                and called in ("change", "_move", "_halt", "_in_portions", "_settle_errors")
                and len(node.args) > 2
            ):
                found.add(node.args[2])
            if called == "note" and file.name != "audit.py":
                found |= {one.value for one in node.keywords if one.arg == "verb"}
    return {one.value for one in found if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_every_act_of_the_code_has_a_sentence() -> None:
    kept = _kept()
    assert {"pause", "start", "answer", "suppression undo", "outbox retry", "imported"} <= kept
    assert {name for name in kept if acts.sentence(name, "x", {}) == f"{name} x"} == set()
