"""Runs one command: settings, client, verb, answer, exit status. Every refusal ends here as one clear message.

An error that the user can fix is one sentence. A bug in fluentsd is reported as one, without a traceback;
`FLUENTSD_TRACEBACK=1` shows the traceback.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import trio

from fluentsd.cli.client import Client, open_client
from fluentsd.cli.screen import Screen
from fluentsd.cli.suggestions import fix
from fluentsd.cli.views import show
from fluentsd.error_groups import sole_cause
from fluentsd.settings_file import NoSettings, find, socket_of
from fluentsd.systemd import with_level, writes_to_journal
from fluentsd.verbs import Refused, Suggestion

if TYPE_CHECKING:
    from fluentsd.config import Settings

T = TypeVar("T")
TRACEBACK = "FLUENTSD_TRACEBACK"
#: Whether the command was asked for JSON, so that a refusal is JSON too.
REFUSE_AS_JSON: ContextVar[bool] = ContextVar("REFUSE_AS_JSON", default=False)


class Shell:
    """The options before the verb, and the settings that they select."""

    def __init__(self, config: Path | None) -> None:
        self.config = config
        self.as_json = False

    def settings(self, *, secrets: bool = True, status: int = 1) -> Settings:
        """The effective settings; ends the program with a list of all mistakes and this status if there are any."""
        from fluentsd.config import load
        from fluentsd.validation import Problems

        try:
            return load(find(self.config), secrets=secrets)
        except (Problems, NoSettings, OSError) as why:
            if not secrets:
                self.settings()  # lists the mistakes in secret references too
            fail(str(why), status)

    def socket(self) -> Path | None:
        """Where a running daemon answers; None if only the settings tell."""
        try:
            return socket_of(find(self.config))
        except NoSettings as why:
            fail(str(why))

    def has_database(self) -> bool:
        """Whether there are settings, and their database exists or is a server's: a question makes neither."""
        try:
            find(self.config)
        except NoSettings:
            return False
        file = self.settings(secrets=False).database_file
        return file is None or file.exists()

    @property
    def screen(self) -> Screen:
        return Screen(as_json=self.as_json)


def fail(message: str, status: int = 1, *, suggestion: Suggestion | None = None) -> NoReturn:
    """Print a message on stderr and exit; as one JSON object if the command was asked for JSON."""
    if REFUSE_AS_JSON.get():
        helps = suggestion and {"verb": suggestion.verb, "arguments": suggestion.arguments}
        refusal = {"refused": message, "suggestion": helps, "status": status}
        print(json.dumps(refusal, ensure_ascii=False, indent=2, default=str), file=sys.stderr)  # noqa: T201 - its own output
    else:
        said = f"{message}{fix(suggestion)}"
        said = with_level("error", said) if writes_to_journal() else said
        print(said, file=sys.stderr)  # noqa: T201 - the shell's own output
    raise SystemExit(status)


def local_moment(words: str, *, days: bool = False) -> int:
    """A moment in the zone of this shell; ends the program if the words are none."""
    from fluentsd.clock import machine_zone
    from fluentsd.domain.time.moments import read_moment

    try:
        return read_moment(words, machine_zone(), time.time_ns() // 1000, days=days)
    except ValueError as why:
        fail(f"{why}; nothing was changed")


def run_verb(shell: Shell, name: str, arguments: Mapping[str, Any]) -> None:
    """Run one verb and print its answer."""

    async def work(client: Client) -> Any:
        return await client.perform(name, arguments)

    show(shell.screen, name, with_client(shell, work))


def with_client(shell: Shell, work: Callable[[Client], Awaitable[T]]) -> T:
    """Run `work` with a client; a refusal ends the program with status 1.

    A running daemon has its own secrets, so the shell resolves secret references only when it does the work itself.
    """
    socket = shell.socket()

    async def main() -> T:
        async with open_client(socket, lambda secrets: shell.settings(secrets=secrets)) as client:
            return await work(client)

    with refusals():
        return trio.run(main)


@contextmanager
def refusals(status_of: Callable[[Exception], int] = lambda _: 1) -> Iterator[None]:
    """Turn the errors that stop a command into one message and an exit status."""
    try:
        with unwrapped():
            yield
    except Refused as why:
        fail(str(why), suggestion=why.suggestion)
    except BrokenPipeError:
        raise
    except Exception as why:
        if (message := _message_of(why)) is None:
            raise
        fail(message, status_of(why))


def _message_of(why: Exception) -> str | None:
    """The message for the user; None for a bug. The classes take long to import, so that is done here."""
    from fluentsd.fronts.control.protocol import ControlProblem
    from fluentsd.store.db.lock import AlreadyRunning
    from fluentsd.store.db.upgrade import DatabaseRefused
    from fluentsd.store.nodes import Fenced
    from fluentsd.unavailable import StoreUnavailable, damage_of
    from fluentsd.validation import Problems

    if isinstance(why, StoreUnavailable | Problems | ControlProblem | AlreadyRunning | DatabaseRefused | Fenced):
        return str(why)
    if isinstance(why, OSError):
        return f"{why.filename or 'a file'} cannot be used: {why.strerror or why}; nothing was changed"
    return damage_of(why)


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise a single error out of the exception groups that nurseries wrap it in."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise sole_cause(group) from None


def run_program(program: Callable[[], object]) -> None:
    """Run the whole program: a bug ends in one line instead of a traceback; a closed pipe is not an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a character that the terminal lacks ends no command
    try:
        program()
    except KeyboardInterrupt:
        fail("interrupted", 130)
    except BrokenPipeError:  # a reader that has seen enough
        _discard()
    except Exception as why:
        if os.environ.get(TRACEBACK):
            raise
        fail(
            f"{type(why).__name__}: {why}\n"
            f"This is a bug in fluentsd, not in your command; {TRACEBACK}=1 shows the traceback"
        )
    finally:
        _flush()


def _flush() -> None:
    """Write buffered output; a reader may have closed the pipe already: `fluentsd calls | head`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard()


def _discard() -> None:
    """What is still to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
