"""Strangers and repeated reports in any order: the stored state is that of the authentic reports alone.

Random sequences of true, replayed, reordered, forged, oversized and malformed requests go to one runtime. Another gets
only the true ones, each once, the least clear first. Attempts, enrollments and the suppression list must be the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluentsd.fronts.web.middleware import BODY_AT_MOST
from tests.engine.stage import SMS, person, spec
from tests.fronts.web.front import Front, fronted

PEOPLE = 3
LATER = {"id": "later", "channel": "sms", "text": "Are you there?", "after": "3 days"}
#: The outcomes of a text message in fluentsd's order, from vague to clear.
CLEARER = ["delivered", "failed", "bounced", "replied", "opted_out"]


@dataclass(frozen=True)
class True_:
    """A true report about an attempt, and the number of its repetitions."""

    person: int
    outcome: str
    times: int = 1

    @property
    def report(self) -> dict[str, Any]:
        return (
            {"outcome": self.outcome, "text": "no more"} if self.outcome == "opted_out" else {"outcome": self.outcome}
        )


@dataclass(frozen=True)
class Stranger:
    """A request that must change nothing."""

    person: int
    kind: str


TRUE = st.builds(True_, st.integers(0, PEOPLE - 1), st.sampled_from(CLEARER), st.integers(1, 3))
STRANGERS = st.builds(
    Stranger,
    st.integers(0, PEOPLE - 1),
    st.sampled_from(
        ["forged", "unsigned", "oversized", "malformed", "not utf-8", "no token", "other channel", "looks"]
    ),
)


async def send(front: Front, one: True_ | Stranger, tokens: list[str]) -> None:
    token = tokens[one.person]
    if isinstance(one, True_):
        for _ in range(one.times):
            assert await front.hook(one.report, token=token) == 204
        return
    stop = json.dumps([{"outcome": "opted_out"}]).encode()
    match one.kind:
        case "forged":
            assert await front.hook(body=stop, token=token, signature="f" * 64) == 403
        case "unsigned":
            assert (await front.client.post(f"/hooks/sms/{token}", content=stop)).status_code == 403
        case "oversized":
            assert await front.hook(body=stop + b" " * BODY_AT_MOST, token=token) == 413
        case "malformed":
            assert await front.hook(body=stop[:-1], token=token) == 400
        case "not utf-8":
            assert await front.hook(body=b"\xc3\x28" + stop, token=token) == 400
        case "no token":
            assert await front.hook(body=stop, token=token[::-1]) == 404
        case "other channel":
            assert await front.hook(body=stop, token=token, kind="email") == 404
        case "looks":
            assert (await front.client.get(f"/u/{token}")).status_code == 200


async def known(front: Front) -> list[list[tuple[Any, ...]]]:
    """The state of all people, without times and random ids."""
    queries = (
        "SELECT contact_id, state, outcome FROM attempt ORDER BY contact_id",
        "SELECT contact_id, state FROM enrollment ORDER BY contact_id",  # which word ended it first is its reason
        "SELECT DISTINCT kind, value, channel, reason, by FROM suppression WHERE lifted_at IS NULL ORDER BY value",
        "SELECT state, count FROM counter WHERE count != 0 ORDER BY state",
    )
    return [await front.ask(query) for query in queries]


async def after(sequence: list[True_ | Stranger]) -> list[list[tuple[Any, ...]]]:
    with TemporaryDirectory() as folder:
        async with fronted(f"sqlite+aiosqlite:///{Path(folder) / 'f.db'}") as front:
            with front.stage.clock.busy():  # simulated time does not run on to the next step
                await front.stage.launch(spec(SMS, LATER), *(person(n) for n in range(1, PEOPLE + 1)), checked=False)
                await front.until("SELECT count(*) FROM attempt WHERE state = 'settled'", [(PEOPLE,)])
                by_person = await front.ask("SELECT id FROM attempt ORDER BY contact_id")
                for one in sequence:
                    await send(front, one, [token for (token,) in by_person])
                return await known(front)


def check(sequence: list[True_ | Stranger]) -> None:
    true = {(one.person, one.outcome) for one in sequence if isinstance(one, True_)}
    clearest = [True_(*pair) for pair in sorted(true, key=lambda pair: CLEARER.index(pair[1]))]
    assert trio.run(after, sequence) == trio.run(after, list(clearest))


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TRUE | STRANGERS, max_size=14))
def test_only_true_reports_count_each_once_in_any_order(sequence: list[True_ | Stranger]) -> None:
    check(sequence)
