"""Every table of every verb as it is printed: on a terminal of 80 columns, with and without colour, and in a pipe.

The files are written again by `python -m tests.cli.views.test_golden`; look at the difference before it is committed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fluentsd.cli import format as formats
from fluentsd.cli import views
from fluentsd.cli.screen import Screen
from fluentsd.cli.views import VIEWS, show
from tests.cli.views.sample_answers import ANSWERS, WITHOUT_TABLE

FOLDER = Path(__file__).parent / "golden"
WIDTH = 80
MODES = ("terminal", "colour", "pipe")
#: Values that no table may break: numbers, addresses, times, refs.
WHOLE = re.compile(r"\+\d{11}|[\w.]+@[\w.]+\.com|\d{1,3}(?:,\d{3})+|q4-warm-leads-follow-up|sorry-we-missed-you")


@contextlib.contextmanager
def in_new_york() -> Iterator[None]:
    """The machine's zone and the present, held still."""
    before, now = os.environ.get("TZ"), formats.now
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    formats.now = lambda: dt.datetime(2026, 12, 3, tzinfo=dt.UTC)
    try:
        yield
    finally:
        formats.now = now
        os.environ.pop("TZ")
        os.environ.update({"TZ": before} if before else {})
        time.tzset()


def printed(mode: str, verb: str, answer: dict[str, Any]) -> str:
    """What a verb prints."""
    out = io.StringIO()
    is_terminal = mode != "pipe"
    console = Console(
        file=out, width=WIDTH, force_terminal=is_terminal, color_system="standard" if mode == "colour" else None,
        highlight=False, emoji=False, soft_wrap=not is_terminal, legacy_windows=False,
    )  # fmt: skip
    with in_new_york(), contextlib.redirect_stdout(out):
        show(Screen(console=console), verb, answer)
    return out.getvalue()


def whole(mode: str) -> str:
    """The golden file of a mode."""
    parts = []
    for verb, answers in sorted(ANSWERS.items()):
        parts += [f"══ {verb}\n{printed(mode, verb, answer)}" for answer in answers]
    return "\n".join(parts)


def test_views_read_attributes() -> None:
    folder = Path(views.__file__).parent
    by_key = re.compile(r"""\banswer\[["']""")
    found = {file.name for file in folder.glob("*.py") if by_key.search(file.read_text("utf-8"))}
    assert found <= {"operations.py"}, "only `check` of the installation, which is no verb, answers with plain JSON"


@pytest.mark.parametrize("mode", MODES)
def test_every_table_is_printed_as_it_was_looked_at(mode: str) -> None:
    kept = (FOLDER / f"{mode}.txt").read_text("utf-8")
    assert whole(mode) == kept, "write it again and look at the difference: python -m tests.cli.views.test_golden"


def test_no_verb_with_a_table_is_left_out() -> None:
    assert set(VIEWS) == set(ANSWERS) | WITHOUT_TABLE


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_wider_than_the_terminal_and_nothing_is_broken(mode: str) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", whole(mode))
    if mode != "pipe":
        assert [line for line in text.splitlines() if len(line) > WIDTH] == []
    for verb, answers in ANSWERS.items():
        for answer in answers:
            shown = re.sub(r"\x1b\[[0-9;]*m", "", printed(mode, verb, answer))
            in_a_pipe = printed("pipe", verb, answer)
            for value in set(WHOLE.findall(in_a_pipe)):
                assert value in shown, (verb, value)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in MODES:
        (FOLDER / f"{name}.txt").write_text(whole(name), "utf-8")
