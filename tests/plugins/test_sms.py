"""SMS from end to end: the runtime on a real database, Twilio's SDK, a Twilio on loopback, and its signed callbacks.

Time is simulated and stands still while a request is under way (`_Busy`): days pass in seconds, and the bytes are real.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
import structlog
import trio
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.settings import read_settings
from sqlalchemy import select

from fluentsd.api import Attempt, Forged, Inbound
from fluentsd.clock import SimClock
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.store import attempts, tables
from fluentsd.testing import tools
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio
from tests.databases import open_whole
from tests.engine.stage import HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

pytestmark = pytest.mark.slow

PEOPLE = 12


class _Busy(httpx.AsyncHTTPTransport):
    """The network, during which simulated time stands still."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__()
        self.clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with self.clock.busy():
            answer = await super().handle_async_request(request)
            await answer.aread()
        return answer


class Theatre(Stage):
    """A stage with a real SMS channel before a fake Twilio."""

    channel: SmsChannel
    twilio: FakeTwilio

    async def come_back(self, posts: list) -> Counter:
        """Everything Twilio posts, as the web front hands it in; what was said, by outcome."""
        said: list[Inbound] = [one for post in posts for one in self.channel.webhook(post).inbounds]
        for one in said:
            await self.inbox.take(one)
        return Counter(one.outcome for one in said)

    async def rows(self) -> list:
        """Every attempt."""
        return list(await self.runtime.store.read(_attempts))


async def _attempts(conn):
    columns = (tables.attempt.c.id, tables.attempt.c.state, tables.attempt.c.outcome, tables.attempt.c.provider_ref)
    return (await conn.execute(select(*columns).order_by(tables.attempt.c.id))).all()


@asynccontextmanager
async def theatre(url: str, folder, twilio: FakeTwilio, at: int = MONDAY, **config) -> AsyncIterator[Theatre]:
    clock = SimClock(at)
    twilio.clock = clock.now
    table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": twilio.url}
    async with httpx.AsyncClient(transport=_Busy(clock)) as http, open_whole(url, busy=clock.busy) as store:
        plain = tools(clock, folder=folder, kind="sms", public_url="https://outreach.example")
        given = replace(plain, http=lambda: http)
        channel = SmsChannel(
            read_settings({k: v for k, v in (table | {"throughput": "100/second"} | config).items() if v}), given
        )
        log = structlog.wrap_logger(structlog.ReturnLogger())
        runtime = Runtime(store, clock, {"sms": ChannelState("sms", channel)}, log=log)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(clock.run)
            async with running(runtime, grace=1.0) as inbox:
                stage = Theatre(runtime, clock, {}, inbox)
                stage.channel, stage.twilio = channel, twilio
                yield stage
            nursery.cancel_scope.cancel()


@pytest.fixture
def twilio():
    with FakeTwilio() as twilio:
        yield twilio


async def test_a_campaign_is_sent_and_its_statuses_come_back_in_any_order(database_url, tmp_path, twilio):
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS), *(person(n) for n in range(PEOPLE)))
        await stage.until(MONDAY + 2 * MINUTE)
        assert [one.to for one in sorted(twilio.messages, key=lambda m: m.to)] == [
            f"+1212555{n:04d}" for n in range(PEOPLE)
        ]
        assert all(one.validity == 4 * 3600 for one in twilio.messages)
        assert {one.body for one in twilio.messages} == {f"Hello P{n}" for n in range(PEOPLE)}
        for kept in twilio.messages[1:]:
            twilio.deliver(kept.sid)
        posts = twilio.posts * 2
        random.Random(5).shuffle(posts)
        await stage.come_back(posts)
        await stage.come_back([twilio.move(twilio.messages[0].sid, "undelivered", 30005)])
        rows = await stage.rows()
        assert Counter(row.outcome for row in rows) == {"delivered": PEOPLE - 1, "failed": 1}
        assert {row.provider_ref for row in rows} == {one.sid for one in twilio.messages}
        assert len({one.callback for one in twilio.messages}) == PEOPLE


async def test_a_senders_throughput_delays_and_never_turns_away(database_url, tmp_path, twilio):
    """One a second from one sender: no attempt is claimed before its slot, so none is claimed twice."""
    many = 60
    async with theatre(database_url, tmp_path, twilio, throughput="1/second") as stage:
        await stage.launch(spec(SMS), *(person(n) for n in range(many)))
        await stage.until(MONDAY + 5 * MINUTE)
        assert Counter(row.outcome for row in await stage.rows()) == {"sent": many}
        sent = sorted(one.created_at for one in twilio.messages)
        assert min(b - a for a, b in itertools.pairwise(sent)) >= 1_000_000
        assert sent[-1] < MONDAY + (many + 2) * 1_000_000


async def test_caller_ids_are_paced_by_the_providers_throughput_and_the_forecast_knows(database_url, tmp_path, twilio):
    many, lines = 60, ["+12125550198", "+12125550199"]
    async with theatre(database_url, tmp_path, twilio, throughput="1/second", sender=None) as stage:
        for line in lines:
            twilio.own(line)
            await stage.do("numbers add", number=line, tag=["us"])
        await stage.do("campaign apply", file=spec(SMS, numbers={"tags": ["us"]}))
        await stage.enroll(*(person(n) for n in range(many)))
        ahead = await stage.do("forecast", ref="test")
        await stage.do("campaign start", ref="test", yes=True)
        await stage.until(MONDAY + 5 * MINUTE)
        assert Counter(row.outcome for row in await stage.rows()) == {"sent": many}
        by_line = {line: sorted(m.created_at for m in twilio.messages if m.sender == line) for line in lines}
        assert [len(sent) for sent in by_line.values()] == [many // 2] * 2
        for sent in by_line.values():
            assert min(b - a for a, b in itertools.pairwise(sent)) >= 1_000_000
        assert {n["number"]: n["uses"] for n in ahead["numbers"]} == dict.fromkeys(lines, many // 2)
        last = max(m.created_at for m in twilio.messages)
        assert abs(ahead["finish_early_at"] - last) <= 2_000_000


async def test_who_is_erased_is_gone_at_twilio_through_429s_and_a_restart(database_url, tmp_path, twilio):
    """Refused while it is under way, refused for the pace, then Twilio unreachable: in the end it is deleted."""
    gone, stays = person(1), person(2)
    number = gone["points"][0][1]
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS), gone, stays)
        await stage.until(MONDAY + 2 * MINUTE)
        await stage.do("contacts erase", person=number, because="asked by letter")
        await stage.until(MONDAY + 4 * MINUTE)
        assert [said["code"] for method, _, status, said in twilio.answers if method == "DELETE"] == [20009] * 2
        for kept in twilio.messages:
            twilio.deliver(kept.sid)
        twilio.busy = [None, 1800]
        await stage.until(MONDAY + 10 * MINUTE)
        assert twilio.busy == []
        assert number in {kept.to for kept in twilio.messages}
    async with theatre(database_url, tmp_path, twilio, MONDAY + 2 * HOUR) as stage:
        await stage.until(MONDAY + 3 * HOUR)
        assert [kept.to for kept in twilio.messages] == [stays["points"][0][1]]
        assert sum(method == "DELETE" for method, *_ in twilio.requests) == 5
        assert Counter(row.outcome for row in await stage.rows()) == {"sent": 2}


async def test_what_the_erased_person_wrote_is_deleted_at_twilio_too(database_url, tmp_path, twilio):
    gone, stays = person(1), person(2)
    twilio.numbers[NUMBER]["sms_url"] = "https://outreach.example/hooks/sms"
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS), gone, stays)
        await stage.until(MONDAY + 2 * MINUTE)
        for who, words in ((gone, "When?"), (gone, "stop it now please"), (stays, "Who is this?")):
            await stage.come_back([twilio.write(who["points"][0][1], words)])
        for kept in list(twilio.messages):
            if kept.direction != "inbound":
                twilio.deliver(kept.sid)
        answer = await stage.do("contacts erase", person=gone["points"][0][1], because="asked by letter")
        assert answer["at_providers"] == 3
        await stage.until(MONDAY + 10 * MINUTE)
        assert sorted(kept.body for kept in twilio.messages) == ["Hello P2", "Who is this?"]


async def test_lost_answers_are_found_again_and_nobody_gets_two(database_url, tmp_path, twilio):
    for kind in ("accept_500", "accept_nonsense", "accept_drop"):
        twilio.misbehave(kind, times=2)
    twilio.misbehave("500", times=1)
    twilio.lag = 30_000_000
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS), *(person(n) for n in range(PEOPLE)))
        await stage.until(MONDAY + 10 * MINUTE)
        rows = await stage.rows()
    made = Counter(row.outcome for row in rows if row.outcome != "not_sent")  # the suspension holds the others back
    assert made == {"sent": PEOPLE - 1, "unknown": 1}
    assert Counter(one.to for one in twilio.messages).most_common(1)[0][1] == 1
    assert len(twilio.messages) == PEOPLE - 1


async def test_what_a_daemon_left_open_the_next_one_finds(database_url, tmp_path, twilio):
    twilio.misbehave("accept_hang")
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS), person(1))
        await trio.to_thread.run_sync(twilio.wait_for, 1)  # Twilio has it, and does not answer
    twilio.behave()
    async with theatre(database_url, tmp_path, twilio, MONDAY + MINUTE) as stage:
        assert [row.state for row in await stage.rows()] == ["open"]
        await stage.until(MONDAY + 5 * MINUTE)
        (row,) = await stage.rows()
    assert (row.state, row.outcome, row.provider_ref) == ("settled", "sent", twilio.messages[0].sid)
    assert len(twilio.messages) == 1


async def test_a_callback_tells_what_a_lost_answer_did_not(database_url, tmp_path, twilio):
    twilio.misbehave("accept_500")
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS), person(1))
        await stage.until(MONDAY + 10_000_000)
        assert [row.state for row in await stage.rows()] == ["open"]
        await stage.come_back(twilio.deliver(twilio.messages[0].sid))
        (row,) = await stage.rows()
    assert (row.state, row.outcome, row.provider_ref) == ("settled", "delivered", twilio.messages[0].sid)


async def test_a_refusal_by_twilio_reaches_the_right_person(database_url, tmp_path, twilio):
    twilio.codes = {"+12125550001": 21610, "+12125550002": 21614}
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS, {**SMS, "id": "again", "after": "1 hour"}), *(person(n) for n in range(4)))
        await stage.until(MONDAY + 3 * HOUR)
        found = await stage.overview()
    assert found["exited"] == 1
    assert Counter(one.to for one in twilio.messages) == {"+12125550000": 2, "+12125550003": 2}


async def test_stop_ends_all_contact_at_once(database_url, tmp_path, twilio):
    twilio.numbers[NUMBER]["sms_url"] = "https://outreach.example/hooks/sms"
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS, {**SMS, "id": "again", "after": "1 hour"}), *(person(n) for n in range(4)))
        await stage.until(MONDAY + 2 * MINUTE)
        said = await stage.come_back(
            [
                twilio.write("+12125550001", "STOP"),
                twilio.write("+12125550002", "pls take me off ur list"),
                twilio.write("+12125550003", "I'll stop by tomorrow"),
            ]
        )
        assert said == {"opted_out": 2, "replied": 1}
        await stage.until(MONDAY + 3 * HOUR)
    assert Counter(one.to for one in twilio.messages if one.direction == "outbound-api") == {
        "+12125550000": 2, "+12125550001": 1, "+12125550002": 1, "+12125550003": 1
    }  # fmt: skip


async def test_a_forged_callback_changes_nothing(database_url, tmp_path, twilio):
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS), person(1))
        await stage.until(MONDAY + 2 * MINUTE)
        (post,) = twilio.deliver(twilio.messages[0].sid)[-1:]
        with pytest.raises(Forged):
            await stage.come_back([replace(post, body=post.body.replace(b"delivered", b"failed"))])
        assert [row.outcome for row in await stage.rows()] == ["sent"]


async def test_wrong_credentials_hold_the_channel(database_url, tmp_path, twilio):
    twilio.logins.clear()
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS), *(person(n) for n in range(3)))
        await stage.until(MONDAY + HOUR)
        assert Counter(row.outcome for row in await stage.rows()) == {"not_sent": 3}
    assert twilio.messages == []


async def test_the_reconciler_shows_the_words_that_are_kept(database_url, tmp_path, twilio):
    seen: list[Attempt] = []
    twilio.misbehave("500")
    async with theatre(database_url, tmp_path, twilio) as stage:
        look = stage.channel.lookup

        async def lookup(attempt: Attempt):
            seen.append(attempt)
            return await look(attempt)

        stage.channel.lookup = lookup
        await stage.launch(spec(SMS), person(1))
        await stage.until(MONDAY + 5 * MINUTE)
        due = await stage.runtime.store.read(attempts.overdue, stage.clock.now(), 10)
    assert [attempt.text for attempt in seen] == ["Hello P1"] * 3
    assert due == []


async def test_filtered_texts_pause_the_campaign_and_the_rest_are_not_sent(database_url, tmp_path, twilio):
    """The carrier begins to filter while a campaign is under way: people without a message do not get one."""
    async with theatre(database_url, tmp_path, twilio) as stage:
        await stage.launch(spec(SMS, limits={"pace": "60/minute"}), *(person(n) for n in range(60)))
        await stage.until(MONDAY + 30_000_000)
        on_their_way = list(twilio.messages)
        assert 25 <= len(on_their_way) <= 35
        for kept in on_their_way[3:]:
            await stage.come_back(twilio.deliver(kept.sid))
        for kept in on_their_way[:3]:
            await stage.come_back([twilio.move(kept.sid, "undelivered", 30007)])
        found = await stage.overview()
        await stage.until(MONDAY + 4 * HOUR)
        assert len(twilio.messages) <= len(on_their_way) + 3  # what was marked before the third came back
        (held,) = found["holds"]
        assert (found["state"], found["exited"], held["by"]) == ("paused", 0, "fluentsd")
        assert held["reason"].startswith("carriers filter the texts: 3 of ")
        assert {case["to"] for case in held["cases"]} == {one.to for one in on_their_way[:3]}
        assert all("30007" in case["reason"] for case in held["cases"])
        await stage.do("campaign resume", ref="test", late=None, dry_run=False)
        await stage.until(MONDAY + 7 * HOUR)
        assert Counter(one.to for one in twilio.messages) == {f"+1212555{n:04d}": 1 for n in range(60)}


async def test_a_number_that_is_not_registered_is_held_and_the_other_carries_on(database_url, tmp_path, twilio):
    other = "+14155550199"
    twilio.own(other)
    async with theatre(database_url, tmp_path, twilio) as stage:
        for e164 in (NUMBER, other):
            await stage.do("numbers add", number=e164, tag=["us"], label=None, pace=None)
        again = {**SMS, "id": "again", "after": "1 hour"}
        picks = {"tags": ["us"], "local_presence": False}
        await stage.launch(spec(SMS, again, numbers=picks), *(person(n) for n in range(PEOPLE)))
        await stage.until(MONDAY + 2 * MINUTE)
        first = {one.to: one.sender for one in twilio.messages}
        assert Counter(first.values()) == {NUMBER: PEOPLE // 2, other: PEOPLE // 2}
        bad = next(one for one in twilio.messages if one.sender == other)
        await stage.come_back([twilio.move(bad.sid, "undelivered", 30034)])
        (held,) = (await stage.do("holds"))["holds"]
        assert (held["scope"], held["target"], held["until_at"]) == ("number", other, None)
        assert "30034" in held["cases"][0]["reason"]
        await stage.until(MONDAY + 3 * HOUR)
        assert Counter(one.sender for one in twilio.messages[PEOPLE:]) == {NUMBER: PEOPLE}
        assert (await stage.overview())["completed"] == PEOPLE
