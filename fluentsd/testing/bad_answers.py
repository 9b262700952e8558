"""Answers of a provider with one part missing, null, of another kind or cut short, and what a source makes of them.

Nothing that a source says may rest on such an answer: no member is lost, gone or deleted by it, and no error but the
source's own reaches the engine. Texts and numbers keep their values, because a wrong one cannot be told from a right
one.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from typing import Any

from fluentsd.api import NeedsHuman, Source, Unavailable
from fluentsd.testing.follower import change_pages, walk_pages
from fluentsd.testing.loopback import Answer, Asked, LoopbackServer

#: How many entries of a list are looked at.
ENTRIES = 3
_OTHER: tuple[Any, ...] = (None, [], {}, "x", 5)


def spoilt(body: Any, chance: random.Random) -> Any:
    """The body with one part that is not as it was."""
    body = copy.deepcopy(body)
    path = chance.choice(list(_places(body)))
    if not path:
        return chance.choice(_OTHER)
    at = body
    for key in path[:-1]:
        at = at[key]
    key, old = path[-1], at[path[-1]]
    how = chance.choice(("null", "missing", "kind", *(("short", "empty") if isinstance(old, list) else ())))
    if how == "missing" and isinstance(at, dict):
        del at[key]
    elif how == "kind":
        at[key] = chance.choice(_OTHER[1:] if isinstance(old, (dict, list)) else ([], {}))
    else:
        at[key] = {"short": (old or [])[:1], "empty": []}.get(how) if isinstance(old, list) else None
    return body


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _places(one, (*path, key))
    elif isinstance(value, list):
        for place, one in enumerate(value[:ENTRIES]):
            yield from _places(one, (*path, place))


@asynccontextmanager
async def spoiling(double: LoopbackServer, seed: int) -> AsyncIterator[None]:
    """One of the next answers of the double is spoilt, and each further one to the same request in the same way."""
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
    passes, which = chance.randrange(4), list[tuple[str, str]]()
    respond = double.respond

    def spoil(request: Asked) -> Answer | None:
        nonlocal passes
        answer = respond(request)
        if answer is None or answer.status >= 300 or not isinstance(answer.body, (dict, list)):
            return answer
        passes -= 1
        if passes >= 0 or which not in ([], [(request.method, request.path)]):
            return answer
        which[:] = [(request.method, request.path)]
        body = spoilt(answer.body, random.Random(seed))  # noqa: S311 - the same each time
        return Answer(answer.status, body, answer.headers)

    double.respond = spoil  # type: ignore[method-assign]
    try:
        yield
    finally:
        double.respond = respond  # type: ignore[method-assign]


async def exercise_bad_answers(
    seed: int, connect: Callable[[], Source], double: LoopbackServer, segment: str, members: Collection[str]
) -> None:
    """Ask for a segment, its changes and its records while one answer is spoilt; the members do not change."""
    known = connect()
    pages = await walk_pages(known, segment)
    if not pages[-1].complete:
        raise AssertionError("the walk before the first spoilt answer was not complete")
    await change_pages(known, segment, pages[-1].since)
    for ask in (_walk, _changes, _refresh, _lists):
        for source in (known, connect()):
            async with spoiling(double, seed):
                lost = await _asked(ask(source, segment, pages[-1].since, members))
            if lost:
                raise AssertionError(f"{ask.__name__} lost {sorted(lost)} by an answer that was spoilt")


async def _asked(question: Any) -> set[str]:
    """What a question lost; a source's own errors lose nobody."""
    try:
        return set(await question)
    except (Unavailable, NeedsHuman):
        return set()
    except (KeyError, IndexError, json.JSONDecodeError, UnicodeError) as why:
        raise AssertionError("an error of Python's own reached the engine") from why
    except (LookupError, ValueError):
        return set()


async def _walk(source: Source, segment: str, _: str | None, members: Collection[str]) -> set[str]:
    pages = await walk_pages(source, segment)
    named = {ref for page in pages for ref in page.refs}
    return set(members) - named if pages[-1].complete else set()


async def _changes(source: Source, segment: str, since: str | None, members: Collection[str]) -> set[str]:
    pages = await change_pages(source, segment, since)
    return {ref for page in pages for ref in page.gone} & set(members)


async def _refresh(source: Source, _: str, __: str | None, members: Collection[str]) -> set[str]:
    found = await source.refresh(list(members))
    return set(members) - {ref for record in found for ref in (record.id, *record.aliases)}


async def _lists(source: Source, _: str, __: str | None, ___: Collection[str]) -> set[str]:
    await source.segments()
    await source.catalogue()
    return set()
