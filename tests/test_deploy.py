"""The systemd unit: the daemon's contract with systemd, and its restrictions."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from fluentsd.cli.service import MEND_FIRST
from fluentsd.config import TEMPLATE, load
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.journal import _BOOT_ID
from tests.processes import run_program

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "deploy" / "fluentsd.service"


@pytest.fixture
def unit() -> dict[str, list[str]]:
    """Every setting with its values in order, `Section.Key`."""
    found: dict[str, list[str]] = defaultdict(list)
    section = ""
    for line in UNIT.read_text().splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[f"{section}.{key}"].append(value)
    return found


def test_it_waits_for_ready_and_for_signs_of_life(unit: dict[str, list[str]]) -> None:
    assert unit["Service.Type"] == ["notify"]
    assert int(unit["Service.WatchdogSec"][0]) >= 30
    assert unit["Service.Restart"] == ["on-failure"]
    assert unit["Service.ExecStart"][0].endswith("/fluentsd run")


def test_it_is_started_again_for_ever_but_where_a_person_has_to_help(unit: dict[str, list[str]]) -> None:
    assert unit["Unit.StartLimitIntervalSec"] == ["0"]  # a database server may be away for hours
    assert int(unit["Service.RestartSec"][0]) >= 5
    assert unit["Service.RestartPreventExitStatus"] == [str(MEND_FIRST)]


def test_the_daemon_may_read_the_boot_that_its_journal_names(unit: dict[str, list[str]]) -> None:
    assert Path("/proc/sys/kernel/random/boot_id") == _BOOT_ID
    assert "Service.ProcSubset" not in unit


def test_it_is_more_patient_than_the_grace(unit: dict[str, list[str]], tmp_path: Path) -> None:
    (tmp_path / "fluentsd.toml").write_text(TEMPLATE)
    settings = load(tmp_path / "fluentsd.toml", {})
    assert int(unit["Service.TimeoutStopSec"][0]) >= (settings.grace + settings.call_grace) / SECOND + 10


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"),
        ("StateDirectory", "fluentsd"),
        ("UMask", "0077"),
        ("User", "fluentsd"),
    ],
)
def test_it_is_locked_in(unit: dict[str, list[str]], key: str, value: str) -> None:
    assert unit[f"Service.{key}"] == [value]


def test_it_may_speak_to_its_shell_and_to_the_network(unit: dict[str, list[str]]) -> None:
    assert set(unit["Service.RestrictAddressFamilies"][0].split()) == {"AF_UNIX", "AF_INET", "AF_INET6"}
    assert unit["Service.SystemCallFilter"] == ["@system-service", "~@privileged @resources"]


@pytest.fixture(scope="module")
def commands() -> list[str]:
    """The commands of docs/operating.md that install, upgrade, back up and restore the service."""
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    section = text[text.index("## As a service") : text.index("## Configuration")]
    return [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]


def test_the_commands_make_what_the_unit_expects(unit: dict[str, list[str]], commands: list[str]) -> None:
    program = unit["Service.ExecStart"][0].split()[0]
    whole = "\n".join(commands)
    assert f"python3 -m venv {program.removesuffix('/bin/fluentsd')}" in whole
    assert re.search(rf"useradd --system .* {unit['Service.User'][0]}$", whole, re.MULTILINE)
    config = unit["Service.Environment"][0].removeprefix("FLUENTSD_CONFIG=")
    data = unit["Service.WorkingDirectory"][0]
    assert f"{program} init {config} --data {data}" in whole
    assert f"install -d -m {unit['Service.StateDirectoryMode'][0]} -o fluentsd -g fluentsd {data}" in whole
    assert (
        f"install -d -m {unit['Service.ConfigurationDirectoryMode'][0]} -o root -g fluentsd {Path(config).parent}"
        in whole
    )
    assert "dist/*.whl" in whole
    assert {line.split()[3] for line in commands if line.startswith("sudo -u fluentsd")} == {program}


@pytest.mark.slow
def test_the_commands_of_the_program_do_what_they_say(commands: list[str], tmp_path: Path) -> None:
    """Those that run fluentsd, in order, with the folders of the service below another root."""
    for folder in ("var/lib/fluentsd", "etc/fluentsd"):
        (tmp_path / folder).mkdir(parents=True)
    ours = [line for line in commands if "/bin/fluentsd " in line and not line.endswith(" state")]
    for line in ours:
        line = line.replace("backup-$(date +%F)", "backup-2026-12-01")
        line = re.sub(r"/(etc|var/lib)/fluentsd", rf"{tmp_path}/\1/fluentsd", line)
        words = shlex.split(line.partition("/opt/fluentsd/bin/fluentsd ")[2])
        configured = {} if "init" in words else {"FLUENTSD_CONFIG": str(tmp_path / "etc/fluentsd/fluentsd.toml")}
        if "backup" in words:  # the first start makes the database
            assert run_program("campaign", "list", folder=tmp_path, **configured).returncode == 0
        done = run_program(*words, folder=tmp_path, **configured)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert len(ours) == 5
    assert (tmp_path / "var/lib/fluentsd/fluentsd.db").exists()
    assert not list((tmp_path / "etc/fluentsd").glob("*.db"))


@pytest.fixture
def analyze(tmp_path: Path) -> list[str]:
    """The unit for systemd-analyze, with a program that exists."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    copy = tmp_path / "fluentsd.service"
    copy.write_text(UNIT.read_text().replace("/opt/fluentsd/bin/fluentsd run", "/bin/true"))
    return ["systemd-analyze", str(copy)]


@pytest.mark.slow
def test_systemd_understands_every_line(analyze: list[str]) -> None:
    program, copy = analyze
    done = subprocess.run([program, "verify", copy], capture_output=True, text=True)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "fluentsd.service" in line]
    assert ours == []


@pytest.mark.slow
def test_systemd_finds_little_exposed(analyze: list[str]) -> None:
    program, copy = analyze
    done = subprocess.run([program, "security", "--offline=true", copy], capture_output=True, text=True)
    found = re.search(r"Overall exposure level for fluentsd.service: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip("this systemd-analyze cannot judge a unit offline")
    assert float(found[1]) < 2.0
