"""The shell's completion: words, options and the names that a running daemon has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.engine.stage import SMS, spec
from tests.test_daemon import Place, living, place

__all__ = ["place"]

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
