"""Run one command: settings, link, verb, answer, exit status. Every refusal ends here, as one clear message."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import trio

from fluentsd.config import NoSettings, Settings, find, load
from fluentsd.engine.verbs import Refused
from fluentsd.fronts.cli.link import Link, link
from fluentsd.fronts.cli.show import Screen
from fluentsd.problems import Problems

T = TypeVar("T")


class Shell:
    """What the command line said before the verb."""

    def __init__(self, config: Path | None) -> None:
        self.config = config
        self.as_json = False

    def settings(self) -> Settings:
        """The effective settings; ends the program with every mistake listed when there are any."""
        try:
            return load(find(self.config))
        except (Problems, NoSettings, OSError) as why:
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

    shell.screen.show(name, with_link(shell, work))


def with_link(shell: Shell, work: Callable[[Link], Awaitable[T]]) -> T:
    """Run something that needs the engine; a refusal ends the program with status 1."""
    from fluentsd.store.bridge import StoreUnavailable

    settings = shell.settings()

    async def main() -> T:
        async with link(settings) as to:
            return await work(to)

    try:
        return trio.run(main, strict_exception_groups=False)
    except (Refused, StoreUnavailable, Problems) as why:
        fail(str(why))
    except Exception as why:
        from fluentsd.daemon import CannotRun

        if isinstance(why, CannotRun):
            fail(str(why))
        raise
