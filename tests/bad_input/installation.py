"""Bad input: each gets one clear message, and nothing is changed.

Everything is typed into the shell, as by a user, in an installation that has been used. "Nothing" is checked from
outside: every byte of every file of the installation before and after, and every name beside the broken file.
"""

# ruff: noqa: E501 - one case a line reads best

from __future__ import annotations

import hashlib
from pathlib import Path

from typer.testing import CliRunner

from fluentsd.cli.app import build
from fluentsd.cli.service import MEND_FIRST

SETTINGS = """
[database]
path = "fluentsd.db"
[daemon]
grace = "20 s"
[log]
format = "text"
[channel.phone]
plugin = "sandbox"
[channel.sms]
plugin = "sandbox"
pace = "10/second"
[channel.email]
plugin = "email"
host = "127.0.0.1"
tls = "none"
from = "fair@example.com"
"""
CAMPAIGN = """
name = "Spring fair"
ref = "fair"

[window]
days = ["mon", "tue"]
hours = "09:00-17:00"
timezone = "contact"
fallback_timezone = "America/New_York"
blackout = ["us-federal-holidays"]

[[step]]
id = "call"
channel = "phone"
agent = "sales"
retry = { busy = "30 min", limit = 2 }

[[step]]
id = "text"
channel = "sms"
after = "1 day"
text = "Hi {{ first_name | default: 'there' }}"

[exit]
on = ["answered", "opted_out"]

[limits]
budget = "200 USD/day"
pace = "20/hour"
"""
PROGRAM = build()


class Installation:
    """A used installation, and a folder beside it for broken files."""

    def __init__(self, folder: Path) -> None:
        self.home, self.desk = folder / "home", folder / "desk"
        self.desk.mkdir(parents=True)
        self.home.mkdir()
        (self.home / "fluentsd.toml").write_text(SETTINGS)
        for name, content in (("good.toml", CAMPAIGN), ("good.csv", "First Name,To Number\nEcho,+12125550111\n")):
            (self.desk / name).write_text(content)
        self.types("campaign", "apply", str(self.desk / "good.toml"), status=0)
        self.types("contacts", "import", str(self.desk / "good.csv"), "--campaign", "fair", status=0)

    def types(self, *words: str, status: int = 1, config: Path | None = None) -> str:
        """One command; returns its standard error."""
        typed = ["--config", str(config or self.home / "fluentsd.toml"), *words]
        result = CliRunner().invoke(PROGRAM, typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        assert result.exit_code == status, result.output
        assert (result.stdout == "") == (status != 0)
        assert "Traceback" not in result.stderr
        return result.stderr

    def refuses(self, *words: str, config: Path | None = None) -> str:
        """The message of a command that changes nothing; a daemon says that it waits for a person."""
        before = self.contents()
        message = self.types(*words, status=MEND_FIRST if words == ("run",) else 1, config=config)
        assert self.contents() == before
        return message

    def contents(self) -> dict[str, str]:
        """Every byte of every file. SQLite leaves an empty log beside a file that it has read, until the next orderly end,
        and the lock's file names its last holder; neither holds personal data."""
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in [*self.home.rglob("*"), *self.desk.rglob("*")]
            if path.is_file() and not path.name.endswith(("-shm", "-wal", ".lock"))
        }

    def given(self, name: str, content: str | bytes) -> Path:
        """A broken file in the folder."""
        path = self.desk / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


def swapped(text: str, swaps: tuple[str, ...]) -> str:
    """The text with each (old, new) of the pairs replaced; all must occur."""
    for this, that in zip(swaps[::2], swaps[1::2], strict=True):
        assert this in text
        text = text.replace(this, that, 1)
    return text
