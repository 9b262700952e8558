"""Stories of several campaigns that want the same person."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from fluentsd.engine.dispatch.plans import limits_of
from tests.engine.stage import DAY
from tests.stories.dated import begun, campaign, finished, local, made, shown, sms, somebody


async def test_three_campaigns_keep_the_installations_gap_and_the_higher_priority_goes_first(
    tmp_path: Path,
) -> None:
    limits = limits_of(None, "2 days", "the installation's")
    async with begun(tmp_path, local("2026-05-04 08:00"), limits) as stage:
        for ref, priority in (("low", 10), ("high", 90), ("middle", 50)):
            await stage.launch(campaign(sms(ref), ref=ref, priority=priority), somebody())
        await stage.until(local("2026-05-20 10:00"))
        assert made(stage.sms) == [
            ("high", "Mon 2026-05-04 09:00"), ("middle", "Wed 2026-05-06 09:00"), ("low", "Fri 2026-05-08 09:00"),
        ]  # fmt: skip
        moments = [at for *_, at in stage.sms.accepted]
        assert all(later - first >= 2 * DAY for first, later in pairwise(moments))


async def test_an_exclusive_campaign_keeps_others_away_until_it_is_done_with_the_person(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        sale = campaign(sms("sale"), sms("sale-2", "1 day"), ref="sale", priority=80, exclusive=True)
        await stage.launch(sale, somebody())
        await stage.launch(campaign(sms("news"), ref="news"), somebody(), somebody(2))
        await stage.until(local("2026-05-04 12:00"))
        held = [
            c for c in (await stage.do("contacts why", person="+12125550001"))["campaigns"] if c["campaign"] == "news"
        ]
        assert (held[0]["reason"], held[0]["rule"]) == ("elsewhere", "sale")
        await finished(stage, "news")
        mine = [(a.step, shown(at)) for a, _, at in stage.sms.accepted if a.to[-1] == "1"]
        assert mine == [
            ("sale", "Mon 2026-05-04 10:00"), ("sale-2", "Tue 2026-05-05 10:00"), ("news", "Tue 2026-05-05 10:00"),
        ]  # fmt: skip


@pytest.mark.parametrize("ending", ["stop", "remove", "errored", "edit", "priority"])
async def test_however_an_exclusive_campaign_lets_go_of_a_person_the_others_go_on(tmp_path: Path, ending: str) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        two = sms("sale-2", "1 hour", text="{{ car }}" if ending == "errored" else "Hello")
        sale = campaign(sms("sale"), two, ref="sale", priority=80, exclusive=True)
        news = campaign(sms("news"), ref="news")
        await stage.launch(sale, somebody(), checked=False)
        await stage.launch(news, somebody(), checked=False)
        await stage.until(local("2026-05-04 10:30"))
        assert (await stage.overview("news"))["held_people"] == {"elsewhere": 1}
        match ending:
            case "stop":
                await stage.do("campaign stop", ref="sale")
            case "remove":
                await stage.do("campaign remove", ref="sale", person="+12125550001")
            case "edit":
                await stage.do("campaign apply", file=sale | {"exclusive": False})
            case "priority":
                await stage.do("campaign apply", file=news | {"priority": 90})
        await stage.until(local("2026-05-04 12:00"))
        after = "11:00" if ending == "errored" else "10:30"
        assert [m for step, m in made(stage.sms) if step == "news"] == [f"Mon 2026-05-04 {after}"]
