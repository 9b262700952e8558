"""Repeatable chance: the fate of an attempt is a hash of its person, step and try.

Outcome, delays and texts are functions of (seed, kind, to, step, try number) only: not of the token, which is random,
nor of time, order or earlier attempts. So two runs with the same seed meet the same people. The fault of a request
depends also on the number of earlier refusals of the same try (`asked`): a carrier that was unavailable may be
available the next time. Only the throttle depends on time.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from fluentsd.api import Outcome

if TYPE_CHECKING:
    from fluentsd_channel_sandbox.ledger import Entry
    from fluentsd_channel_sandbox.settings import Settings

T = TypeVar("T")
_EIGHT = struct.Struct("<8Q")

REPLIES = (
    "Yes, tell me more please.",
    "Who is this?",
    "Can you call me tomorrow after 3?",
    "Not right now, maybe next month.",
    "What does it cost?",
    "Sounds good, send me the details.",
    "I am the wrong person, ask for Sam.",
    "👍",
)
OPT_OUTS = (
    "STOP",
    "Stop",
    "please stop texting me",
    "Unsubscribe",
    "take me off your list",
    "do not contact me again",
    "END",
    "remove me please",
)
SPOKEN_OPT_OUTS = (
    "Please do not call me again.",
    "Take me off your list.",
    "Stop calling me.",
)


@dataclass(frozen=True, slots=True)
class Ending:
    """An inbound event at an instant (epoch microseconds)."""

    at: int
    outcome: Outcome
    text: str = ""
    duration_s: int | None = None


def draw(settings: Settings, to: str, step: str, try_no: int) -> tuple[float, ...]:
    """Eight numbers in [0, 1): fault, outcome, ring, talk or delivery, reply, text, conversation, one to spare."""
    return _shares("\x00".join((settings.seed, settings.kind, to, step, str(try_no))))


def fault_of(settings: Settings, drawn: Sequence[float], to: str, step: str, try_no: int, asked: int) -> str:
    """The fault this request meets, "" for none; `asked` is how often the same try was refused before."""
    chances = settings.faults.chances
    if not chances:
        return ""
    share = drawn[0]
    if asked:
        share = _shares("\x00".join((settings.seed, settings.kind, to, step, str(try_no), str(asked))))[0]
    return _pick(chances, share, "")


def endings(settings: Settings, entry: Entry, drawn: Sequence[float] | None = None) -> tuple[Ending, ...]:
    """The inbound events of an accepted attempt, in order of time."""
    if drawn is None:
        drawn = draw(settings, entry.to, entry.step, entry.try_no)
    outcome = _pick(settings.outcomes, drawn[1], settings.outcomes[-1][0])
    if settings.kind == "phone":
        return (_call(settings, entry.at, outcome, drawn),)
    return _letter(settings, entry, outcome, drawn)


def picked_up_at(settings: Settings, entry: Entry) -> int:
    """The instant at which a call stops ringing."""
    return entry.at + settings.ring.at(draw(settings, entry.to, entry.step, entry.try_no)[2])


def _call(settings: Settings, at: int, outcome: Outcome, drawn: Sequence[float]) -> Ending:
    up_at = at + settings.ring.at(drawn[2])
    if outcome in (Outcome.answered, Outcome.voicemail, Outcome.opted_out):
        talk = settings.talk.at(drawn[3])
        text = SPOKEN_OPT_OUTS[int(drawn[5] * len(SPOKEN_OPT_OUTS))] if outcome == Outcome.opted_out else ""
        return Ending(up_at + talk, outcome, text, talk // 1_000_000)
    return Ending(up_at, outcome)


def _letter(settings: Settings, entry: Entry, outcome: Outcome, drawn: Sequence[float]) -> tuple[Ending, ...]:
    at = entry.at + settings.delivery.at(drawn[3])
    if settings.kind == "sms" and entry.valid_until_at is not None and at > entry.valid_until_at:
        return (Ending(max(entry.at, entry.valid_until_at), Outcome.failed, "expired before it was delivered"),)
    if outcome not in (Outcome.replied, Outcome.opted_out):
        return (Ending(at, outcome),)
    words = REPLIES if outcome == Outcome.replied else OPT_OUTS
    text = words[int(drawn[5] * len(words))]
    return Ending(at, Outcome.delivered), Ending(at + settings.reply.at(drawn[4]), outcome, text)


def _pick(chances: Sequence[tuple[T, float]], share: float, otherwise: T) -> T:
    for name, end in chances:
        if share < end:
            return name
    return otherwise


def _shares(key: str) -> tuple[float, ...]:
    return tuple([(part >> 11) / 9007199254740992 for part in _EIGHT.unpack(blake2b(key.encode()).digest())])
