"""The shell's completion: words, options and the names that a running daemon has."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from typer.testing import CliRunner

from fluentsd.__main__ import _completed
from fluentsd.cli.app import build
from fluentsd.verbs.catalogue import VERBS
from tests.engine.stage import SMS, spec
from tests.installation import Place, living

#: Where the `fluentsd` of these tests is installed.
PROGRAM = Path(sys.executable).parent / "fluentsd"


def complete(folder: Path, line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    asked = {"_FLUENTSD_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([PROGRAM], cwd=folder, env=os.environ | asked, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.slow
async def test_names_come_from_the_running_daemon(place: Place) -> None:
    async def offered(line: str) -> list[str]:
        return await trio.to_thread.run_sync(complete, place.folder, line)

    async with living(place) as client:
        await client.ask("campaign apply", {"file": spec(SMS, ref="spring-fair")})
        await client.ask("campaign apply", {"file": spec(SMS, ref="summer")})
        await client.ask("numbers add", {"number": "+12125550199"})
        assert await offered("fluentsd campaign pause spr") == ["spring-fair"]
        assert sorted(await offered("fluentsd campaign start ")) == ["spring-fair", "summer"]
        assert await offered("fluentsd numbers remove +1212") == ["+12125550199"]
        assert await offered("fluentsd campaign resume summer --late s") == ["shift", "skip"]


@pytest.mark.slow
def test_words_are_offered_without_a_daemon_and_names_are_not(tmp_path: Path) -> None:
    assert complete(tmp_path, "fluentsd cam") == ["campaign"]
    assert complete(tmp_path, "fluentsd campaign pau") == ["pause"]
    assert complete(tmp_path, "fluentsd campaign pause ") == []
    (tmp_path / "fluentsd.toml").write_text("[broken", "utf-8")
    assert complete(tmp_path, "fluentsd campaign pause ") == []


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_read_by_its_shell(shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"Completion in {shell} is not tried: {shell} is not installed.")
    # By name: `--show-completion` looks for a shell among its parent processes, and a service or a CI job has none.
    asked = os.environ | {"_FLUENTSD_COMPLETE": f"source_{shell}"}
    script = subprocess.run([PROGRAM], env=asked, capture_output=True, text=True, check=True).stdout
    assert "fluentsd" in script
    (tmp_path / "script").write_text(script, "utf-8")
    subprocess.run([program, "-n", str(tmp_path / "script")], check=True)


def test_values_are_those_that_the_parser_offers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every verb, at the place of each parameter, with and without other words before it."""
    monkeypatch.chdir(tmp_path)
    compared = 0
    for verb in VERBS.values():
        words = ["fluentsd", *verb.name.split()]
        positional = [param for param in verb.params if not param.option and param.kind != "data"]
        places = [["x"] * at for at in range(len(positional) + 1)]
        places += [[f"--{param.name.replace('_', '-')}"] for param in verb.params if param.option]
        flags = [f"--{param.name.replace('_', '-')}" for param in verb.params if param.kind == "flag"][:1]
        for before, first in itertools.product(([], ["--json", *flags, "-c", "x.toml"]), places):
            line = [*words, *before, *first]
            monkeypatch.setenv("COMP_WORDS", " ".join(line) + " ")
            monkeypatch.setenv("COMP_CWORD", str(len(line)))
            if verb.hidden or (values := _completed()) is None:
                continue
            asked = {"_FLUENTSD_COMPLETE": "complete_bash"}
            assert CliRunner().invoke(build(), env=asked, prog_name="fluentsd").output.split() == values, line
            compared += 1
    assert compared > 50


@pytest.mark.parametrize("words", ["fluentsd campaign 'spring", "fluentsd campaign show \\", "fluentsd nonsense ", ""])
def test_what_is_not_plain_is_the_parsers(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_WORDS", words)
    for cursor in ("0", "2", "-1", "x", "99"):
        monkeypatch.setenv("COMP_CWORD", cursor)
        assert _completed() is None
