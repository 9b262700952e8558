"""The app's home, and the report: what they say, and where their buttons lead."""

from __future__ import annotations

from html import unescape

from fluentsd.api import Inbound, Outcome
from fluentsd.fronts.slack.blocks.report import report
from fluentsd.testing.slack.client import Client, Where
from fluentsd.testing.slack.limits import problems
from fluentsd.verbs.answers.campaigns import Calls, Cost, Hour, Report, Results
from fluentsd.verbs.options import DISPOSITIONS, OUTCOMES
from tests.engine.stage import HOUR
from tests.fronts.slack.conftest import Office, until
from tests.fronts.slack.modals import Person


async def at_home(office: Office, user: str = "U1") -> str:
    await Client(office.slack, user).open_home()
    await until(lambda: user in office.slack.homes)
    return str(office.slack.homes.pop(user))


async def press(office: Office, label: str, user: str = "U1") -> Person:
    """Click a button of the home."""
    await Client(office.slack, user).open_home()
    await until(lambda: user in office.slack.homes)
    for index, block in enumerate(office.slack.homes[user]["blocks"]):
        for one in [*block.get("elements", ()), block.get("accessory") or {}]:
            if one.get("type") == "button" and one["text"]["text"].startswith(label):
                await Client(office.slack, user).click(Where(), f"b{index}", one["action_id"], {}, {})
                return Person(office.slack, user)
    raise AssertionError(label)


async def test_the_home_says_what_is_wrong_what_runs_and_what_comes(office: Office) -> None:
    empty = await at_home(office)
    assert "There is no campaign yet. Make the first one" in empty
    assert "New campaign…" in empty
    assert "New campaign…" not in await at_home(office, "U3")
    await office.campaign()
    await office.campaign("autumn", name="Autumn <!channel>")
    await office.stage.do("campaign begin", name="Winter", file={})
    await office.say("start spring yes")
    await office.stage.do("campaign schedule", ref="autumn", at=office.stage.clock.now() + HOUR, yes=True)
    await until(lambda: office.stage.sms.accepted)
    shown = await at_home(office)
    for part in ("🟢 working: Slack, e-mail, phone, text, database", "*Active*",
                 "⬜⬜⬜⬜⬜⬜⬜⬜⬜⬜ 0 of 3 ended (0%)",
                 "*Next 24 hours*", "*Drafts*", "*Winter* is not complete yet"):  # fmt: skip
        assert part in shown, part
    assert "<!channel>" not in shown
    assert "'title': 'Progress'" not in shown  # one campaign is no comparison
    await office.campaign("summer", name="Summer fair")
    await office.say("start summer yes")
    shown = await at_home(office)
    assert "'title': 'Progress'" in shown
    assert "in error" not in shown
    assert "⬜" not in shown
    office.slack.lacks = frozenset({"data_visualization"})
    assert "⬜⬜⬜⬜⬜⬜⬜⬜⬜⬜ 0 of 3 ended (0%)" in await at_home(office)
    office.front.socket.health = lambda: "the connection is lost"  # type: ignore[method-assign]
    assert "⚠️ *Slack*: the connection is lost" in await at_home(office)


async def test_buttons_of_the_home_open_modals(office: Office) -> None:
    await office.campaign()
    dana = await press(office, "New campaign")
    await dana.until(lambda: dana.is_open and dana.page == "name")
    dana = await press(office, "Continue")
    await dana.shows("Spring fair")
    await dana.until(lambda: dana.view["callback_id"] == "wizard:name")
    dana = await press(office, "All campaigns")
    await dana.shows("*Spring fair* · c1 · draft")
    dana = await press(office, "Help")
    await dana.shows("What you can type")


async def test_a_campaign_is_paused_from_its_menu_at_home(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    await Client(office.slack, "U1").open_home()
    await until(lambda: "U1" in office.slack.homes)
    blocks = office.slack.homes["U1"]["blocks"]
    [(at, menu)] = [(n, one["accessory"]) for n, one in enumerate(blocks)
                    if one.get("accessory", {}).get("type") == "overflow"]  # fmt: skip
    pause = next(one for one in menu["options"] if one["text"]["text"] == "Pause")
    chosen = {"type": "overflow", "selected_option": pause}
    await Client(office.slack, "U1").click(Where(), f"b{at}", menu["action_id"], chosen, {})
    await Person(office.slack).shows("is paused: no contacts until somebody resumes it")
    assert (await office.stage.overview("spring"))["state"] == "paused"


async def test_the_report_of_a_campaign_names_what_each_rate_is_of(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    sms = office.stage.sms
    await until(lambda: len(sms.accepted) == 3)
    await sms.tell(Inbound(Outcome.replied, token=sms.accepted[0][0].token, text="yes please"))

    async def has_replied() -> bool:
        return bool((await office.stage.do("campaign report", ref="spring"))["whole"]["conversations"])

    await until(has_replied)
    rates = ("3 of 3 enrolled (100%)", "1 of 3 contacted (33%)", "When people answer",
             "*By step*\\n• *text*: 1 of 3 (33%) · interested 0 · opt-outs 0", "✓ All time",
             "*All time*, since the start <!date^", "> New York time", "1 by text")  # fmt: skip
    shown = await office.slack.command("report spring")
    for part in rates:
        assert part in shown.whole, part
    funnel, hours = [block["chart"] for block in shown.blocks if block["type"] == "data_visualization"]
    assert funnel["axis_config"]["categories"] == ["enrolled", "contacted", "conversations", "interested"]
    assert [point["value"] for point in funnel["series"][0]["data"]] == [3, 3, 1, 0]
    assert [(one["name"], sum(point["value"] for point in one["data"])) for one in hours["series"]] == [
        ("attempts", 3), ("conversations", 1)
    ]  # fmt: skip
    [week] = [block for block in shown.blocks if block["type"] == "table"]
    assert "– of 3" in str(week["rows"])
    office.slack.lacks = frozenset({"data_visualization", "table"})
    shown = await office.slack.command("report spring")
    for part in (*rates, "conversations ███░░░░░░        1  33%"):
        assert part in shown.whole, part
    assert "✓ Today" in (await office.slack.click(shown, "Today")).buttons
    assert "1 of 3 contacted" in await office.say("report spring today")
    await office.stage.do("campaign pause", ref="spring")  # or the next step is due
    office.stage.clock.step(8 * 24 * HOUR)
    assert "0 of 0 contacted" in await office.say("report spring 7d")


def test_a_large_report_with_nasty_names_is_within_slacks_limits() -> None:
    rows = tuple(Results(f"`<!channel>` {n} " + "x" * 200, 10, 10, 3, 1, 1, (Cost("USD", 5, 1),)) for n in range(40))
    hours = tuple(Hour(day, hour, 4 + hour, 2) for day in range(7) for hour in range(24))
    found = Report(1, "r", "*n* <!here>" * 30, "active", total=10**6, whole=rows[0], by_step=rows, by_agent=rows,
                   by_number=rows, by_source=rows, hours=hours, zone="America/Argentina/Buenos_Aires",
                   calls=Calls(10**6, dict.fromkeys(OUTCOMES, 10**5), 10**5, dict.fromkeys(DISPOSITIONS, 10**4), 1, 1),
                   )  # fmt: skip
    made = report(found)
    plain, native = made.body(), made.native_body()
    for body in (plain, native):
        assert problems(body, "message") == []
        assert "<!channel>" not in str(body)
        assert "… and 34 more" in str(body)
        assert "'7 days'" in str(body)
    columns = [line for block in plain["blocks"] for part in block.get("text", {}).get("text", "").split("```")[1::2]
               for line in part.splitlines()]  # fmt: skip
    assert len(columns) > 24
    assert max(len(unescape(line)) for line in columns) <= 38  # a telephone wraps what is longer
    assert "<5" not in str(plain)
    assert "&lt;5" in str(plain)
    assert "33% of 6" not in str(native)
    assert "9% of 23" in str(native)  # 20:00 is among the twelve hours with the most attempts
