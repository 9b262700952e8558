"""Campaign files and suppression lists, written to a file and read back."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show
from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.campaign_values import DAYS
from fluentsd.verbs.diff import differences
from tests.cli.shell import CAMPAIGN, Person


@pytest.mark.slow
def test_what_is_exported_says_what_was_applied(person: Person) -> None:
    fancy = CAMPAIGN.replace("[[step]]", '[limits]\nbudget = "200 USD/day"\ncost = { phone = 0.5 }\n[[step]]', 1)
    fancy = fancy.replace('"00:00-24:00"', '{ mon = "9am-5pm", sat = "22:00-02:00" }').replace(
        'days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]\n', ""
    )
    for text in (CAMPAIGN, fancy):
        person.gets("campaign", "apply", "-", given=text.encode())
        exported = person.gets("campaign", "export", "fair").out.encode()
        assert (
            person.gets("campaign", "apply", "-", given=exported).out.splitlines()[-1]
            == "fair is the same as the file; nothing was changed"
        )
        assert person.asks("campaign", "apply", "fair.toml", "--dry-run")["changes"] == [] or text is fancy


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="{}%"), min_size=1, max_size=30).filter(str.strip)
_DATE = st.dates(dt.date(1999, 1, 1), dt.date(2100, 1, 1))
_HOURS = st.sampled_from(["09:00-17:00", "9am-noon, 1pm-5pm".replace("noon", "12pm"), "22:00-02:00", "00:00-24:00"])
_STEP = st.one_of(
    st.fixed_dictionaries({"channel": st.just("phone"), "agent": _TEXT}, optional={"hours": _HOURS}),
    st.fixed_dictionaries({"channel": st.just("sms"), "text": _TEXT}, optional={"after": st.just("24 hours")}),
    st.fixed_dictionaries({"channel": st.just("email"), "subject": _TEXT, "html": _TEXT}),
)


@st.composite
def campaign_files(draw: st.DrawFn) -> dict[str, Any]:
    """Files as people might write them."""
    dates = draw(st.lists(_DATE, unique=True, max_size=4))
    days = draw(st.lists(st.sampled_from(DAYS), unique=True, min_size=1))
    window: dict[str, Any] = {"fallback_timezone": "Europe/Berlin", "blackout": ["us-federal-holidays", *dates[:2]]}
    window["override"] = [{"date": day, "hours": draw(_HOURS)} for day in dates[2:]]
    if draw(st.booleans()):
        window |= {"days": days, "hours": draw(_HOURS)}
    else:
        window["hours"] = {day: draw(_HOURS) for day in days}
    steps = [{"id": f"s{i}"} | step for i, step in enumerate(draw(st.lists(_STEP, min_size=1, max_size=4)))]
    return {"name": draw(_TEXT), "description": draw(_TEXT), "window": window, "step": steps}


@pytest.mark.slow
@given(campaign_files())
def test_any_file_comes_back_as_it_was(file: dict[str, Any]) -> None:
    spec = read_campaign(file)
    answer = {"file": spec.model_dump(mode="json", exclude_defaults=True)}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        show(Screen(), "campaign export", answer)
    assert differences(spec, read_campaign(tomllib.loads(out.getvalue()))) == []


def test_the_suppression_list_goes_to_a_file_and_comes_back(person: Person) -> None:
    person.gets("suppression", "add", "+12125550177", "--because", "asked")
    person.gets("suppression", "export", "list.csv")
    rows = Path("list.csv").read_text("utf-8-sig").splitlines()
    assert rows[0] == "value,kind,channel,reason,by,at,evidence"
    assert rows[1].startswith("'+12125550177,phone,*,")  # inert: a spreadsheet would read the plus as a formula
    again = person.gets("suppression", "import", "list.csv", "--because", "from the other system").out
    assert again.startswith("0 added, 1 already on the suppression list\n")


def test_the_people_of_a_campaign_go_to_a_file_that_a_mistake_leaves_alone(launched: Person) -> None:
    launched.gets("campaign", "people", "fair", "--csv", "out.csv")
    header, *rows = Path("out.csv").read_text("utf-8-sig").splitlines()
    assert header.startswith("id,name,phones,emails,state,reason")
    assert ["Echo" in rows[0], "Lima" in rows[1], len(rows)] == [True, True, 2]
    assert "no campaign" in launched.is_refused("campaign", "people", "fare", "--csv", "out.csv")
    assert Path("out.csv").read_text("utf-8-sig").splitlines() == [header, *rows]
    assert "out.csv" not in launched.gets("campaign", "people", "fair", "--csv", "-").out
    assert len(launched.gets("campaign", "people", "fair", "--most", "1").rows) == 3  # the last line says how to go on
    assert "queued" in launched.is_refused("campaign", "people", "fair", "--state", "waiting")
