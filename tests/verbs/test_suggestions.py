"""Refusals suggest a verb; only the shell writes shell commands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from fluentsd.verbs import Refused, Suggestion
from fluentsd.verbs.catalogue import VERBS
from tests.engine.stage import Stage

PACKAGE = Path(__file__).parents[2] / "fluentsd"
GROUPS = {verb.split()[0] for verb in VERBS} | {"run", "check", "backup", "restore", "demo"}
COMMAND = re.compile(rf"fluentsd ({'|'.join(sorted(GROUPS))})\b|(?<!\w)--[a-z]")


def sentences(file: Path) -> list[str]:
    """Every text of a module but its docstrings."""
    tree = ast.parse(file.read_text("utf-8"))
    with_docstrings = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, with_docstrings) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


@pytest.mark.parametrize("layer", ["engine", "store", "verbs"])
def test_no_text_below_the_fronts_is_a_shell_command(layer: str) -> None:
    files = [file for file in sorted((PACKAGE / layer).rglob("*.py")) if "migrations" not in file.parts]
    found = {(file.name, text) for file in files for text in sentences(file) if COMMAND.search(text)}
    assert not found
    assert files


def test_the_search_finds_commands() -> None:
    assert COMMAND.search("ref is paused; fluentsd campaign resume ref")
    assert COMMAND.search("give the reason: --because …")
    assert not COMMAND.search("another fluentsd has taken over this database")


def suggestions_in(file: Path) -> list[tuple[str, list[str]]]:
    """Each `Suggestion("verb", {"argument": …})` of a module with a literal verb."""
    calls = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Suggestion" and call.args]
    literal = [call for call in made if isinstance(call.args[0], ast.Constant)]
    return [
        (
            str(ast.literal_eval(call.args[0])),
            [str(ast.literal_eval(key)) for key in call.args[1].keys if key is not None]
            if len(call.args) > 1 and isinstance(call.args[1], ast.Dict)
            else [],
        )
        for call in literal
    ]


def test_every_suggestion_is_a_verb_and_its_own_parameters() -> None:
    made = [one for file in (PACKAGE / "verbs").glob("*.py") for one in suggestions_in(file)]
    assert len(made) > 20
    for verb, arguments in made:
        assert verb in VERBS
        assert set(arguments) <= {param.name for param in VERBS[verb].params}, verb


async def test_a_refusal_carries_the_verb_that_helps(stage: Stage) -> None:
    with pytest.raises(Refused) as caught:
        await stage.do("numbers remove", number="+12125550123")
    assert caught.value.suggestion == Suggestion("numbers list")
    with pytest.raises(Refused) as caught:
        await stage.do("suppression add", point="+12125550123")
    assert caught.value.suggestion == Suggestion(
        "suppression add", {"point": "+12125550123", "channel": "*", "because": None}
    )


async def test_an_error_of_the_rules_carries_one_too(stage: Stage) -> None:
    file = {"name": "A", "ref": "a", "window": {"hours": "09:00-17:00", "fallback_timezone": "America/New_York"}}
    step = {"id": "s", "channel": "sms", "template": "gone"}
    with pytest.raises(Refused) as caught:
        await stage.do("campaign apply", file=file | {"step": [step]})
    assert caught.value.suggestion == Suggestion("templates list", {})
