"""Settings from a file, per test."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluentsd.config import Settings, load
from tests.doctor.findings import SANDBOX, Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Settings from a file, read as the daemon reads them."""

    def settings(text: str = SANDBOX, **environ: str) -> Settings:
        path = tmp_path / "fluentsd.toml"
        path.write_text(text)
        path.chmod(0o600)
        return load(path, environ)

    return settings
