"""The systemd unit: the daemon's contract with systemd, and its restrictions."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from fluentsd.config import TEMPLATE, load
from fluentsd.domain.time.durations import SECOND

UNIT = Path(__file__).parent.parent / "deploy" / "fluentsd.service"


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
