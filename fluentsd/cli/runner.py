"""Run one command: settings, link, verb, answer, exit status. Every refusal ends here, as one clear message.

What a person can mend is said in a sentence and nothing else. A fault of ours is said to be one, without a page of
Python; `FLUENTSD_TRACEBACK=1` shows where it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import trio

from fluentsd.cli.client import Link, link
from fluentsd.cli.screen import Screen
from fluentsd.cli.views.catalogue import show
from fluentsd.config import NoSettings, Settings, find, load
from fluentsd.validation import Problems
from fluentsd.verbs import Refused

T = TypeVar("T")
TRACEBACK = "FLUENTSD_TRACEBACK"


class Shell:
    """What the command line said before the verb."""

    def __init__(self, config: Path | None) -> None:
        self.config = config
        self.as_json = False

    def settings(self, *, secrets: bool = True) -> Settings:
        """The effective settings; ends the program with every mistake listed when there are any."""
        try:
            return load(find(self.config), secrets=secrets)
        except (Problems, NoSettings, OSError) as why:
            if not secrets:
                self.settings()  # those of its references too
            fail(str(why))

    @property
    def screen(self) -> Screen:
        return Screen(as_json=self.as_json)


def fail(message: str, status: int = 1) -> NoReturn:
    """Say why on stderr and leave."""
    print(message, file=sys.stderr)  # noqa: T201 - the shell's own output
    raise SystemExit(status)


def run_verb(shell: Shell, name: str, arguments: Mapping[str, Any]) -> None:
    """One verb, shown."""

    async def work(to: Link) -> Any:
        return await to.perform(name, arguments)

    show(shell.screen, name, with_link(shell, work))


def with_link(shell: Shell, work: Callable[[Link], Awaitable[T]]) -> T:
    """Run something that needs the engine; a refusal ends the program with status 1.

    A running daemon knows its own secrets, so the shell follows them only when it has to do the work itself.
    """
    settings = shell.settings(secrets=False)

    async def main() -> T:
        async with link(settings, shell.settings) as to:
            return await work(to)

    with refusals():
        return trio.run(main)


@contextmanager
def refusals() -> Iterator[None]:
    """Whatever keeps the engine from the work, as one message and status 1."""
    from fluentsd.fronts.control import ControlProblem
    from fluentsd.store.db.lock import AlreadyRunning
    from fluentsd.store.db.upgrade import DatabaseRefused
    from fluentsd.unavailable import StoreUnavailable

    try:
        with unwrapped():
            yield
    except (Refused, StoreUnavailable, Problems, ControlProblem, AlreadyRunning, DatabaseRefused) as why:
        fail(str(why))
    except OSError as why:
        if isinstance(why, BrokenPipeError):
            raise
        fail(f"{why.filename or 'a file'} cannot be used: {why.strerror or why}; nothing was changed")
    except Exception as why:
        if (damage := _damage(why)) is None:
            raise
        fail(damage)


@contextmanager
def unwrapped() -> Iterator[None]:
    """Nurseries wrap what ends them; one error alone is that error."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise sole_cause(group) from None


def sole_cause(group: BaseException) -> BaseException:
    """The one error inside nested groups; the group itself when there are several."""
    while isinstance(group, BaseExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    return group


def _damage(why: Exception) -> str | None:
    """What to say of a database that cannot be read as one."""
    import sqlite3

    cause = getattr(why, "orig", why)
    code = getattr(cause, "sqlite_errorcode", None)
    if not isinstance(cause, sqlite3.DatabaseError) or code is None:
        return None
    if code & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return None
    return (
        f"the database is damaged ({cause}); nothing was changed. Keep the file, and put the newest copy from the "
        "backups folder in its place; `fluentsd check` says where both are"
    )


def run_program(program: Callable[[], object]) -> None:
    """The outermost edge: a fault of ours ends in a line, not in a traceback; a reader who left is not an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name in letters that the terminal lacks ends no command
    try:
        program()
    except KeyboardInterrupt:
        fail("interrupted", 130)
    except Exception as why:
        if os.environ.get(TRACEBACK):
            raise
        fail(f"{type(why).__name__}: {why}\nA fault in fluentsd, not in what you typed; {TRACEBACK}=1 shows where")
    finally:
        _flush()


def _flush() -> None:
    """Write what is left; whoever read has perhaps seen enough: `fluentsd calls | head`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
