"""Reads a plugin's table of the configuration: key by key, collecting every mistake, unknown keys included.

A reader is a function that takes a configured value and returns the parsed one, or raises `ValueError` with a message
for a person. Messages appear in logs and chats, so a reader never repeats a value that may be a secret. Standard
library only: plugins load this with `fluentsd.api`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
_PER = {"second": 1, "minute": 60, "hour": 3600}
_RATE = re.compile(r"\s*(\d{1,6})\s*/\s*(second|minute|hour)\s*")


class ConfigProblem(ValueError):
    """A plugin's table in the configuration is wrong: one line for each of `mistakes`; nothing was built."""

    def __init__(self, plugin: str, mistakes: Sequence[str]) -> None:
        self.plugin, self.mistakes = plugin, list(mistakes)
        count = f"{len(self.mistakes)} mistake{'' if len(self.mistakes) == 1 else 's'}"
        heading = f"plugin {plugin!r}: {count} in its configuration"
        super().__init__("\n".join([heading, *(f"  {mistake}" for mistake in self.mistakes)]))


class Table:
    """A table that is emptied key by key; keys that are left at the end are unknown.

    `known` are the keys that a mistake may suggest, `within` is the prefix of keys in mistakes ("inbox."). `mistakes`
    is shared with inner tables, so that one `finish` reports all; a plugin may add its own lines.
    """

    def __init__(self, given: Mapping[str, Any], known: Sequence[str], within: str = "") -> None:
        self.rest, self.known, self.within = dict(given), known, within
        self.mistakes: list[str] = []
        self._inner: list[Table] = []

    def __contains__(self, key: str) -> bool:
        """Whether the key is set and not taken yet."""
        return key in self.rest

    def take(self, key: str, default: T, read: Callable[[Any], T]) -> T:
        """The value, or `default` when it is missing or wrong."""
        if key not in self.rest:
            return default
        try:
            return read(self.rest.pop(key))
        except ValueError as why:
            self.mistakes.append(f"{self.within}{key}: {why}")
            return default

    def must(self, key: str, otherwise: T, read: Callable[[Any], T]) -> T:
        """The value of a required key; `otherwise` when it is missing or wrong, so that reading goes on."""
        if key not in self.rest:
            self.mistakes.append(f"{self.within}{key}: is missing")
        return self.take(key, otherwise, read)

    def both(self, first: str, second: str, read: Callable[[Any], str]) -> tuple[str, str]:
        """Two texts that belong together, like a user name and its password; both "" when neither is set."""
        one, other = self.take(first, "", read), self.take(second, "", read)
        if bool(one) != bool(other):
            self.mistakes.append(f"{self.within}{first} and {self.within}{second}: one is missing; write both")
        return one, other

    def inner(
        self, key: str, known: Sequence[str], read: Callable[[Any], Mapping[str, Any]] | None = None
    ) -> Table | None:
        """The table under `key`, None when it is missing or wrong; `read` may refuse it with its own message."""
        given = self.take(key, None, read or a_table)
        if given is None:
            return None
        table = Table(given, known, f"{self.within}{key}.")
        table.mistakes = self.mistakes
        self._inner.append(table)
        return table

    def finish(self, plugin: str) -> None:
        """End the reading; raises `ConfigProblem` when there are mistakes or unknown keys."""
        self._add_unknown()
        if self.mistakes:
            raise ConfigProblem(plugin, self.mistakes)

    def _add_unknown(self) -> None:
        for inner in self._inner:
            inner._add_unknown()
        self.mistakes += [f"{self.within}{key}: is not a known key{hint(key, self.known)}" for key in self.rest]


def a_table(value: Any) -> Mapping[str, Any]:
    """The reader of a table; its message repeats no value, because a table may contain secrets."""
    if not isinstance(value, Mapping):
        raise ValueError("should be a table { … }")
    return value


def a_rate(value: Any) -> int:
    """The reader of a pace, "30/second" or "90/minute": the interval in microseconds."""
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f'{value!r} is not a rate; write it like "1/second", "30/second" or "90/minute"')
    return _PER[found[2]] * 1_000_000 // int(found[1])


def hint(name: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown name: a similar known name, else all known names."""
    import difflib  # only here: not needed for a configuration without mistakes

    if near := difflib.get_close_matches(name, known, 1):
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""
