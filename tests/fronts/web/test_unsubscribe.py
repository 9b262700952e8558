"""The unsubscribe link: GET changes nothing, one POST ends all contact."""

from __future__ import annotations

import re

from tests.engine.stage import SMS, person, spec
from tests.fronts.web.front import Front

ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_scanner_that_opens_the_link_changes_nothing(front: Front) -> None:
    [token] = await front.reach()
    for method in ("GET", "HEAD", "OPTIONS"):
        assert (await front.client.request(method, f"/u/{token}")).is_success
    assert await front.ask("SELECT count(*) FROM suppression") == [(0,)]
    assert await front.ask("SELECT outcome FROM attempt") == [("sent",)]


async def test_the_page_names_the_campaign_and_has_a_button_and_nothing_else(front: Front) -> None:
    await front.stage.launch(spec(SMS, name="Spring <b>&</b> fair"), person(1), checked=False)
    await front.until("SELECT count(*) FROM attempt WHERE state = 'settled'", [(1,)])
    got = await front.client.get(f"/u/{front.tokens()[0]}")
    page, policy = got.text, got.headers["content-security-policy"]
    assert "Spring &lt;b&gt;&amp;&lt;/b&gt; fair" in page
    assert page.count("<button") == page.count('<form method="post">') == 1
    assert not re.search(r"<script|https?://|src=|href=|@import|url\(|\son\w+=", page)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert (got.headers["referrer-policy"], got.headers["cache-control"]) == ("no-referrer", "no-store")


async def test_one_click_opts_the_person_out_everywhere_at_once(front_on_both: Front) -> None:
    front = front_on_both
    token, other = await front.reach(2)
    again = {"id": "again", "channel": "email", "subject": "x", "text": "y", "after": "3 days"}
    await front.stage.launch(spec(again, ref="other", name="Other"), person(1), person(2), checked=False)
    got = await front.client.post(f"/u/{token}", content=ONE_CLICK, headers=FORM)
    assert (got.status_code, "You will not be contacted again" in got.text) == (200, True)
    stopped = await front.ask("SELECT kind, channel FROM suppression ORDER BY kind")
    assert stopped == [("email", "*"), ("phone", "*")]
    left = await front.ask(
        "SELECT state, reason, count(*) FROM enrollment WHERE campaign_id = 2 GROUP BY state, reason"
    )
    assert ("exited", "opted_out", 1) in left
    assert dict(await front.ask("SELECT id, outcome FROM attempt WHERE campaign_id = 1"))[other] == "sent"


async def test_a_second_click_is_answered_like_the_first_and_adds_nothing(front: Front) -> None:
    [token] = await front.reach()
    first = await front.client.post(f"/u/{token}", content=ONE_CLICK, headers=FORM)
    before = await front.ask("SELECT * FROM suppression ORDER BY id")
    again = await front.client.post(f"/u/{token}", content=b"x" * 3_000_000)
    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert await front.ask("SELECT * FROM suppression ORDER BY id") == before
    assert len(before) == 2


async def test_a_guessed_token_leads_nowhere(front: Front) -> None:
    await front.reach()
    for token in ("0" * 32, "x", "%00", "' OR 1=1 --", "..%2f.."):
        for method in ("GET", "POST"):
            got = await front.client.request(method, f"/u/{token}")
            assert got.status_code == 404, (method, token)
    assert await front.ask("SELECT count(*) FROM suppression") == [(0,)]
