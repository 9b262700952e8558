"""Compares a plugin's object with the protocols of the API, member by member.

What is wrong is one sentence per member: a method that is missing, takes other arguments, or is `async` where the
protocol's is not. Nothing here calls a plugin.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from fluentsd.api.abilities import (
    CHANNEL_ABILITIES,
    AnalysesCalls,
    AnswersPickups,
    BeginsAttempts,
    ChannelAbilities,
    Closes,
    DatesMessages,
    FetchesRecordings,
    Forgets,
    LimitsConcurrency,
    ListsAttempts,
    ListsNumbers,
    Previews,
    Prices,
    ReceivesWebhooks,
    Rehearses,
    RunsAgents,
    ServesCalls,
    SpacesSends,
)


class ContractBroken(TypeError):
    """An object does not keep a protocol of the API; one line for each of `mistakes`."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


@cache
def members(protocol: type) -> tuple[str, ...]:
    """The names of a protocol's members, its methods in the order of their definition."""
    methods = (name for name, thing in vars(protocol).items() if inspect.isfunction(thing) and _is_public(name))
    return (*(name for name in inspect.get_annotations(protocol) if _is_public(name)), *methods)


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def check(thing: object, protocol: type) -> list[str]:
    """The mistakes of an object that must keep the whole protocol; empty if there are none."""
    return [
        f"{protocol.__name__}.{name} {why}" for name in members(protocol) if (why := _mistake(thing, protocol, name))
    ]


def require(thing: object, protocol: type, optional: tuple[type, ...] = ()) -> None:
    """Raise `ContractBroken` unless the object keeps `protocol` and has each of `optional` wholly or not at all."""
    mistakes = [*check(thing, protocol), *(line for ability in optional for line in _partly(thing, ability))]
    if mistakes:
        raise ContractBroken(list(dict.fromkeys(mistakes)))


def abilities_of(channel: object) -> ChannelAbilities:
    """The abilities of a channel; raises `ContractBroken` if it has only a part of one."""
    mistakes = [line for ability in CHANNEL_ABILITIES for line in _partly(channel, ability)]
    if mistakes:
        raise ContractBroken(list(dict.fromkeys(mistakes)))
    return ChannelAbilities(
        closes=channel if isinstance(channel, Closes) else None,
        lists_attempts=channel if isinstance(channel, ListsAttempts) else None,
        lists_numbers=channel if isinstance(channel, ListsNumbers) else None,
        forgets=channel if isinstance(channel, Forgets) else None,
        previews=channel if isinstance(channel, Previews) else None,
        prices=channel if isinstance(channel, Prices) else None,
        webhooks=channel if isinstance(channel, ReceivesWebhooks) else None,
        dates=channel if isinstance(channel, DatesMessages) else None,
        pickups=channel if isinstance(channel, AnswersPickups) else None,
        calls=channel if isinstance(channel, ServesCalls) else None,
        agents=channel if isinstance(channel, RunsAgents) else None,
        rehearses=channel if isinstance(channel, Rehearses) else None,
        analyses=channel if isinstance(channel, AnalysesCalls) else None,
        fetches=channel if isinstance(channel, FetchesRecordings) else None,
        calls_begin=isinstance(channel, BeginsAttempts) and channel.calls_begin,
        capacity=channel.capacity if isinstance(channel, LimitsConcurrency) else None,
        sender_interval=channel.sender_interval if isinstance(channel, SpacesSends) else 0,
    )


def _partly(thing: object, ability: type) -> Iterator[str]:
    """The mistakes of an object that has some members of an ability, or names it as a base class. `webhook` alone is
    an ability of its own and no half of `AnswersPickups`."""
    named = members(ability)
    own = [name for name in named if ability is not AnswersPickups or name == "answer"]
    if ability in type(thing).__mro__ or any(hasattr(thing, name) for name in own):
        yield from check(thing, ability)


def _mistake(thing: object, protocol: type, name: str) -> str:
    """What is wrong with one member; "" if nothing is."""
    given = inspect.getattr_static(type(thing), name, None)
    if not hasattr(thing, name) or given is vars(protocol).get(name, thing):
        return "is missing"
    value, wanted = getattr(thing, name), vars(protocol).get(name)
    return _wrong_value(value, protocol, name) if wanted is None else _wrong_method(value, wanted)


def _wrong_value(value: object, protocol: type, name: str) -> str:
    """What is wrong with an attribute: its type is a class, a choice of texts, or a union of classes."""
    wanted = _hints(protocol)[name]
    if get_origin(wanted) is Literal:
        choices = get_args(wanted)
        return "" if value in choices else f"is {value!r} instead of {', '.join(map(repr, choices))}"
    kinds = get_args(wanted) if isinstance(wanted, UnionType) else (wanted,)
    if isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds):
        return ""
    return f"is {value!r} instead of {' or '.join(one.__name__ for one in kinds)}"


@cache
def _hints(protocol: type) -> dict[str, Any]:
    return get_type_hints(protocol)


def _wrong_method(value: Any, wanted: Any) -> str:
    if not callable(value):
        return "is not a method"
    if inspect.iscoroutinefunction(wanted) and _is_sync(value):
        return "must be an async method"
    if not inspect.iscoroutinefunction(wanted) and _is_async(value):
        return "must be a plain method, not an async one"
    arguments, required = _arguments(wanted)
    try:
        inspect.signature(value).bind(*required)
    except TypeError:
        return f"must accept ({', '.join(arguments)})"
    except ValueError:  # a built-in without a signature
        return ""
    return ""


@cache
def _arguments(wanted: Any) -> tuple[list[str], list[str]]:
    """The names of the arguments of a protocol's method, and of those without a default."""
    parameters = inspect.signature(wanted).parameters
    arguments = list(parameters)[1:]
    return arguments, [name for name in arguments if parameters[name].default is inspect.Parameter.empty]


def _is_async(value: Any) -> bool:
    return inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value)


def _is_sync(value: Any) -> bool:
    """Whether it is certainly no coroutine function: a generator, or a plain function that is not a wrapper around
    one. A callable object is trusted."""
    if inspect.isasyncgenfunction(value):
        return True
    function = inspect.unwrap(getattr(value, "__func__", value))
    if inspect.iscoroutinefunction(function):
        return False
    returns = getattr(function, "__annotations__", {}).get("return", "")
    return inspect.isfunction(function) and "Awaitable" not in str(returns) and "Coroutine" not in str(returns)
