"""The environment of the peers, created once from `requirements.txt`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rows import BenchFailed

HERE = Path(__file__).parent
VENV = HERE / ".venv"
WANTED = HERE / "requirements.txt"


def python() -> Path:
    """The interpreter of the peers' environment; installs missing packages."""
    found, stamp = VENV / "bin" / "python", VENV / "requirements.done"
    wanted = WANTED.read_text(encoding="utf-8")
    if not (found.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted):
        print("installing the peers into bench/.venv …", flush=True)
        _call(sys.executable, "-m", "venv", "--clear", str(VENV))
        _call(str(found), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(WANTED))
        stamp.write_text(wanted, encoding="utf-8")
    return found


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"the peers cannot be installed: {' '.join(command)}\n{done.stderr[-2000:]}")
