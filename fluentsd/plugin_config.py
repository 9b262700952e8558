"""Reading a plugin's own table of the configuration: key by key, every mistake kept, nothing unknown passed in silence.

What a value may be is said by a reader, a function that takes what was written and returns what is meant, or raises
`ValueError` with the words for a person. Whether a value may be repeated in those words is the reader's to know: a
mistake is read in logs and chats, so a secret never is. Standard library only: plugins load this with `fluentsd.api`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
_PER = {"second": 1, "minute": 60, "hour": 3600}
_RATE = re.compile(r"\s*(\d{1,6})\s*/\s*(second|minute|hour)\s*")


class ConfigProblem(ValueError):
    """A plugin's table in the configuration is wrong; each of its `mistakes` on its own line, nothing was built."""

    def __init__(self, plugin: str, mistakes: Sequence[str]) -> None:
        self.plugin, self.mistakes = plugin, list(mistakes)
        count = f"{len(self.mistakes)} mistake{'' if len(self.mistakes) == 1 else 's'}"
        heading = f"plugin {plugin!r}: {count} in its configuration"
        super().__init__("\n".join([heading, *(f"  {mistake}" for mistake in self.mistakes)]))


class Table:
    """A table being emptied key by key; what is left over at the end is unknown.

    `known` are the keys a mistake may suggest, `within` is what stands before a key in mistakes ("inbox."). `mistakes`
    is shared with the tables inside, so that one `finish` tells all; a plugin may add lines of its own to it.
    """

    def __init__(self, given: Mapping[str, Any], known: Sequence[str], within: str = "") -> None:
        self.rest, self.known, self.within = dict(given), known, within
        self.mistakes: list[str] = []
        self._inner: list[Table] = []

    def __contains__(self, key: str) -> bool:
        """Whether the key is written and not taken yet."""
        return key in self.rest

    def take(self, key: str, default: T, read: Callable[[Any], T]) -> T:
        """The value, or `default` when there is none or it is wrong."""
        if key not in self.rest:
            return default
        try:
            return read(self.rest.pop(key))
        except ValueError as why:
            self.mistakes.append(f"{self.within}{key}: {why}")
            return default

    def must(self, key: str, otherwise: T, read: Callable[[Any], T]) -> T:
        """The value of a key that has to be there; `otherwise` when it is missing or wrong, so that reading goes on."""
        if key not in self.rest:
            self.mistakes.append(f"{self.within}{key}: is missing")
        return self.take(key, otherwise, read)

    def both(self, first: str, second: str, read: Callable[[Any], str]) -> tuple[str, str]:
        """Two texts of which neither makes sense alone, a user name and its password; both "" when neither is given."""
        one, other = self.take(first, "", read), self.take(second, "", read)
        if bool(one) != bool(other):
            self.mistakes.append(f"{self.within}{first} and {self.within}{second}: one is missing; write both")
        return one, other

    def inner(
        self, key: str, known: Sequence[str], read: Callable[[Any], Mapping[str, Any]] | None = None
    ) -> Table | None:
        """The table under `key`, None when there is none or it is wrong; `read` may refuse it in its own words."""
        given = self.take(key, None, read or a_table)
        if given is None:
            return None
        table = Table(given, known, f"{self.within}{key}.")
        table.mistakes = self.mistakes
        self._inner.append(table)
        return table

    def finish(self, plugin: str) -> None:
        """Every key has been asked for; raises `ConfigProblem` when anything was wrong or is left over."""
        self._tell_unknown()
        if self.mistakes:
            raise ConfigProblem(plugin, self.mistakes)

    def _tell_unknown(self) -> None:
        for inner in self._inner:
            inner._tell_unknown()
        self.mistakes += [
            f"{self.within}{key}: is not a key that is known here{hint(key, self.known)}" for key in self.rest
        ]


def a_table(value: Any) -> Mapping[str, Any]:
    """The reader of a table; its words repeat nothing, for there may be a secret inside."""
    if not isinstance(value, Mapping):
        raise ValueError("should be a table { … }")
    return value


def a_rate(value: Any) -> int:
    """The reader of a pace, "30/second" or "90/minute": the microseconds from one to the next."""
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f'{value!r} is not a rate; write it like "1/second", "30/second" or "90/minute"')
    return _PER[found[2]] * 1_000_000 // int(found[1])


def hint(name: str, known: Sequence[str]) -> str:
    """How a sentence about an unknown name goes on: with what was probably meant, else with all there is."""
    import difflib  # only here: a configuration without a mistake does not load it

    if near := difflib.get_close_matches(name, known, 1):
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""
