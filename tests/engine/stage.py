"""A small runtime for tests: real store, simulated clock, and a scripted channel that records its messages."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
import trio
from sqlalchemy import bindparam, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import (
    Absent,
    Attempt,
    Cancelled,
    CannotTell,
    Finding,
    Found,
    Inbound,
    Kind,
    Lookup,
    Message,
    Outcome,
    Receipt,
)
from fluentsd.api.contract import abilities_of
from fluentsd.clock import SimClock
from fluentsd.domain.state_machines import CampaignState
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaign_report, campaigns, people_by_result
from fluentsd.store.db.bridge import Store
from fluentsd.store.tables import attempt, campaign, step_count
from fluentsd.verbs import Call
from fluentsd.verbs.answers.by_verb import ANSWERS
from fluentsd.verbs.answers.codec import encode, typed
from fluentsd.verbs.execute import execute

#: Monday 2 March 2026, 10:00 in New York.
MONDAY = round(dt.datetime(2026, 3, 2, 15, tzinfo=dt.UTC).timestamp() * 1_000_000)
MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
Behaviour = Callable[[Message, Attempt], Awaitable[Receipt] | Receipt]


class FakeChannel:
    """Accepts everything, unless a behaviour says otherwise; `accepted` is the provider's own memory."""

    def __init__(self, kind: Kind, clock: SimClock, *, final: bool = True) -> None:
        self.kind, self.clock, self.lookup_is_final, self.lookup_after = kind, clock, final, 1_000_000
        self.accepted: list[tuple[Attempt, Message, int]] = []
        self.behaviours: list[Behaviour] = []
        self.always: Behaviour | None = None
        self.cannot_tell = False
        self.cancelled: list[str] = []
        self._out, self._in = trio.open_memory_channel[Inbound](1000)

    def accept(self, message: Message, attempt: Attempt) -> None:
        self.accepted.append((attempt, message, self.clock.now()))

    def tokens(self) -> Counter[str]:
        return Counter(attempt.token for attempt, _, _ in self.accepted)

    def steps(self) -> list[str]:
        return [attempt.step for attempt, _, _ in self.accepted]

    async def check(self) -> list[Finding]:
        return [Finding(True, "a fake")]

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        behave = self.behaviours.pop(0) if self.behaviours else self.always
        if behave is not None:
            done = behave(message, attempt)
            return done if isinstance(done, Receipt) else await done
        self.accept(message, attempt)
        return Receipt(f"ref-{attempt.token}", None if self.kind == "phone" else Outcome.sent)

    async def lookup(self, attempt: Attempt) -> Lookup:
        if self.cannot_tell:
            return CannotTell("the provider is not answering")
        if self.tokens()[attempt.token]:
            return Found(Receipt(f"ref-{attempt.token}", None if self.kind == "phone" else Outcome.sent))
        return Absent()

    async def cancel(self, attempt: Attempt) -> bool | Cancelled:
        self.cancelled.append(attempt.token)
        return Cancelled.before_ringing

    async def listen(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        async for inbound in self._in:
            await deliver(inbound)

    async def tell(self, inbound: Inbound) -> None:
        """Deliver an inbound event."""
        await self._out.send(inbound)


def spec(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A campaign file, open on weekdays from nine to five in the contact's zone."""
    window = {"days": ["mon", "tue", "wed", "thu", "fri"], "hours": "09:00-17:00"}
    window |= {"fallback_timezone": "America/New_York"} | more.pop("window", {})
    return {"name": "A test", "ref": "test", "window": window, "step": list(steps)} | more


SMS = {"id": "text", "channel": "sms", "text": "Hello {{ first_name | default: 'there' }}"}
#: For a look at a campaign that runs: a step that is due at once may be sent, and the campaign completed, before it.
TOMORROW = SMS | {"after": "1 day"}
CALL = {"id": "call", "channel": "phone", "agent": "sales"}


def person(n: int, **fields: str) -> dict[str, Any]:
    """A person in New York with a phone number and an e-mail address."""
    points = [["phone", f"+1212555{n:04d}"], ["email", f"p{n}@example.com"]]
    zones = ["America/New_York"]
    return {
        "key": f"k{n}",
        "points": points,
        "zones": zones,
        "zone_basis": "field",
        "fields": {"first_name": f"P{n}"} | fields,
    }


def _unlike(whole: Any, plain: Any, path: str = "") -> list[str]:
    """Where two answers differ."""
    if isinstance(whole, dict) and isinstance(plain, dict):
        return [
            one
            for key in {*whole, *plain}
            for one in _unlike(whole.get(key, "–"), plain.get(key, "–"), f"{path}.{key}")
        ]
    if isinstance(whole, list) and isinstance(plain, list) and len(whole) == len(plain):
        return [one for n, pair in enumerate(zip(whole, plain, strict=True)) for one in _unlike(*pair, f"{path}[{n}]")]
    return [] if whole == plain else [f"{path}: {whole!r} for {plain!r}"]


async def _start(conn: AsyncConnection, ref: str, at: int) -> None:
    await campaigns.move(conn, await campaigns.get(conn, ref), "start", at=at)


class Stage:
    """A running engine, with its verbs."""

    def __init__(self, runtime: Runtime, clock: SimClock, channels: dict[Kind, FakeChannel], inbox: Inbox) -> None:
        self.runtime, self.clock, self.channels, self.inbox = runtime, clock, channels, inbox
        self._writes = 0
        self._count_writes()

    @property
    def sms(self) -> FakeChannel:
        return self.channels["sms"]

    @property
    def phone(self) -> FakeChannel:
        return self.channels["phone"]

    @property
    def email(self) -> FakeChannel:
        return self.channels["email"]

    def resolve(self, kind: Kind) -> None:
        """Resolve a channel's abilities again, after a test has given it one."""
        self.runtime.channels[kind].abilities = abilities_of(self.channels[kind])

    async def do(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a verb in its JSON form, which its class keeps whole."""
        answer = await execute(self.runtime, verb, arguments, Call("tester", self.clock.now(), role="admin"))
        plain: dict[str, Any] = json.loads(json.dumps(answer))
        whole = encode(typed(ANSWERS, verb, plain))
        assert whole == plain, (verb, _unlike(whole, plain))
        return answer

    async def enroll(self, *people: dict[str, Any], ref: str = "test") -> dict[str, Any]:
        run = await self.do("contacts begin-import", source="people.csv", ref=ref)
        return await self.do("contacts take", run=run, people=list(people))

    async def launch(self, file: dict[str, Any], *people: dict[str, Any], checked: bool = True) -> None:
        """Create, enroll, start; without the launch check for what can only go wrong after a start."""
        await self.do("campaign apply", file=file)
        await self.enroll(*people, ref=file["ref"])
        if checked:
            await self.do("campaign start", ref=file["ref"], yes=True)
        else:
            await self.runtime.store.run(_start, file["ref"], self.clock.now())
            self.runtime.dispatcher_wakeup.notify()

    async def overview(self, ref: str = "test") -> dict[str, Any]:
        found = await self.do("campaign status", ref=ref)
        parts = ("queued", "active", "errored", "exited", "completed")
        assert sum(found[k] for k in parts) == found["total"]
        await self.runtime.store.run(_counts_agree)
        await self.runtime.store.read(_people_agree)
        return found

    async def until(self, at: int) -> None:
        """Let simulated time pass."""
        await self.clock.sleep_until(at)

    async def until_ended(self, ref: str = "test") -> dict[str, Any]:
        """Let time pass hour by hour until the campaign is completed; its overview then."""
        while True:
            seen = self._writes
            if await self.runtime.store.read(_state_of, ref) == CampaignState.completed:
                return await self.overview(ref)
            while self._writes == seen:  # nothing to look at
                await self.clock.sleep_until(self.clock.now() + HOUR)
                assert self.clock.now() < MONDAY + 400 * DAY, await self.overview(ref)

    def _count_writes(self) -> None:
        """Count the transactions that end, of every part of the engine."""
        store: Any = self.runtime.store

        def counted(write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def counting(*unit: Any, **more: Any) -> Any:
                try:
                    return await write(*unit, **more)
                finally:
                    self._writes += 1

            return counting

        store.run, store.run_whole = counted(store.run), counted(store.run_whole)


async def _state_of(conn: AsyncConnection, ref: str) -> str:
    return str((await conn.execute(_STATE, {"ref": ref})).scalar_one())


_STATE = select(campaign.c.state).where(campaign.c.ref == bindparam("ref"))


async def _counts_agree(conn: AsyncConnection) -> None:
    """The counters of closed attempts say what the attempts say."""
    place = (attempt.c.campaign_id, attempt.c.step, attempt.c.outcome)
    closed = select(literal("closed"), *place, func.count()).where(attempt.c.state != "open").group_by(*place)
    counted = select(literal("counted"), *step_count.c).where(step_count.c["count"] != 0)
    found: dict[str, list[Any]] = {"closed": [], "counted": []}
    for kind, *row in await conn.execute(union_all(closed, counted)):  # one statement sees one snapshot
        found[kind].append(row)
    assert sorted(found["closed"]) == sorted(found["counted"])


async def _people_agree(conn: AsyncConnection) -> None:
    """People by result are the same in the counter and the indexes of the card, and in the whole reading of the report:
    contacted, conversations, interested and opted out."""
    for (id_,) in (await conn.execute(select(campaign.c.id))).all():
        card = await people_by_result.of_campaign(conn, id_)
        whole = (await campaign_report.results(conn, id_, "")).get(("",), campaign_report.Results())
        if card == await people_by_result.of_campaign(conn, id_):  # nothing was written between the statements
            seen = (card.contacted, card.conversations, card.came_to.get("interested", 0), card.opted_out)
            assert seen == (whole.contacted, whole.conversations, whole.interested, whole.opted_out)


@asynccontextmanager
async def staged(store: Store, clock: SimClock, **options: Any) -> AsyncIterator[Stage]:
    """The engine with its loops running; the clock jumps ahead while the test sleeps on it."""
    kinds: tuple[Kind, ...] = ("phone", "sms", "email")
    channels = {kind: FakeChannel(kind, clock, final=options.pop("final", True)) for kind in kinds}
    targets = options.pop("targets", lambda _: ())
    sources, syncs = options.pop("sources", {}), options.pop("sync_options", {})
    log, ages = structlog.wrap_logger(structlog.ReturnLogger()), options.pop("ages", None)
    channel_state = {k: ChannelState(k, c, **options) for k, c in channels.items()}
    runtime = Runtime(store, clock, channel_state, log=log, sources=sources, sync_options=syncs)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(clock.run)
        async with running(runtime, targets(runtime), grace=1.0, ages=ages) as inbox:
            yield Stage(runtime, clock, channels, inbox)
        nursery.cancel_scope.cancel()
