"""Plain verbs are read without the general parser, as it would read them; the settings file stands anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fluentsd.cli import app, perform, quick_parser
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.verb import Param, Verb

PLAIN = [verb for verb in VERBS.values() if not verb.hidden and verb.name not in quick_parser.COMMANDS]


def typed_value(param: Param) -> list[str]:
    match param.kind:
        case "int":
            return ["7"]
        case "file":
            return ["x.toml"]
        case "choice":
            return [param.options[0]]
        case _:
            return ["two words"]


def command(verb: Verb, *, only_required: bool) -> list[str]:
    """A whole command of the verb: options first, then its places."""
    params = [p for p in verb.params if p.kind != "data" and (p.required or not only_required)]
    line = verb.name.split()
    for param in params:
        if param.option:
            flag = f"--{param.flag}"
            line += [flag] if param.kind == "flag" else [flag, *typed_value(param)]
    for param in params:
        if not param.option:
            line += typed_value(param)
            if quick_parser.takes_words(param, is_last=param is [p for p in verb.params if not p.option][-1]):
                line += ["more"]
    return line


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What typer passes on for a command, by parameter, without what is the default."""
    seen: dict[str, Any] = {}

    def note(shell: Any, verb: Verb, given: dict[str, Any]) -> None:
        default = {param.name: param.default for param in verb.params}
        seen.update({n: v for n, v in given.items() if v is not None and v != [] and v != default.get(n)})
        seen["config"], seen["as_json"] = shell.config, shell.as_json

    monkeypatch.setattr(app, "perform", note)
    return seen


@pytest.mark.parametrize("verb", PLAIN, ids=[verb.name for verb in PLAIN])
@pytest.mark.parametrize("only_required", [True, False])
def test_a_plain_verb_is_read_as_typer_reads_it(parsed: dict[str, Any], verb: Verb, only_required: bool) -> None:
    line = [*command(verb, only_required=only_required), "-c", "other.toml", "--json"]
    plain = quick_parser.plain_verb(line)
    assert plain is not None
    result = CliRunner().invoke(app.build(), line)
    assert result.exit_code == 0, result.output
    default = {param.name: param.default for param in verb.params}
    given = {name: value for name, value in plain.given.items() if value != default.get(name)}
    assert given | {"config": Path("other.toml"), "as_json": True} == parsed
    assert plain.verb is verb


@pytest.mark.parametrize(
    "line",
    [
        "", "--help", "campaign", "campaign status", "campaign status a b", "campaign status fair --help",
        "campaign apply x",
        "campaign status fair --nothing", "contacts find", "numbers add +12125550101 --carries",
        "pause fair", "stop-list list",
        "log --most x", "log --most=-1", "campaign pause fair --because --until", "campaign begin", "history", "run",
        "campaign start fair --yes=1", "campaign answer fair p -- --text", "campaign status -c", "contacts take",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_typer(line: str) -> None:
    assert quick_parser.plain_verb(line.split()) is None


@pytest.mark.parametrize(
    ("line", "file", "rest"),
    [
        ("-c a.toml campaign list", "a.toml", "campaign list"),
        ("campaign -c a.toml list", "a.toml", "campaign list"),
        ("campaign list --config a.toml", "a.toml", "campaign list"),
        ("campaign list --config=a.toml --json", "a.toml", "campaign list --json"),
        ("-c a.toml campaign list -c b.toml", "b.toml", "campaign list"),
        ("campaign answer fair p -- -c x", None, "campaign answer fair p -- -c x"),
        ("campaign list -c", None, "campaign list -c"),
        ("run -c a.toml", "a.toml", "run"),
    ],
)
def test_the_settings_file_is_named_anywhere(line: str, file: str | None, rest: str) -> None:
    assert quick_parser.without_config(line.split()) == (file, rest.split())


def test_commands_that_are_no_verbs_take_the_settings_file_anywhere_too(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[daemon]\nnope = 1\n", "utf-8")
    for line in (["-c", str(tmp_path / "a.toml"), "check"], ["check", "-c", str(tmp_path / "a.toml")]):
        result = CliRunner().invoke(app.build(), line)
        assert result.exit_code == 1
        assert "nope" in result.output


def test_a_file_is_read_and_words_are_joined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(perform, "run_verb", lambda shell, name, given: ran.append((name, given)))
    plain = quick_parser.plain_verb(["campaign", "callback", "fair", "p", "tomorrow", "3pm"])
    assert plain is not None
    perform.run_plain(plain)
    assert ran == [("campaign callback", {"ref": "fair", "person": "p", "at": "tomorrow 3pm"})]


def test_a_plain_verb_imports_no_general_parser() -> None:
    code = (
        "import sys; from fluentsd.cli import quick_parser, perform; assert quick_parser.plain_verb(['holds']);"
        "print([m for m in ('typer', 'pydantic', 'click', 'rich.table', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
