"""The page's own requests: who may ask, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluentsd.clock import AdjustableClock
from fluentsd.preview.page import Page
from fluentsd.testing.slack import Workspace
from fluentsd.testing.slack.http import Request, Response

START = 1_700_000_000 * 1_000_000


@pytest.fixture
def page() -> Page:
    workspace = Workspace()
    workspace.add_user("U1", "Manager")
    workspace.channels["C1"] = True
    workspace.changed()
    return Page(workspace, AdjustableClock(START), 1.0, {"U1": "manager"}, b"Phone\n", "America/New_York")


async def ask(page: Page, name: str, body: Any = None, **headers: str) -> Response:
    given = {"host": "127.0.0.1:8790", "content-type": "application/json"} | headers
    return await page.answer(Request(page.path + name, given, body or {}))


@pytest.mark.parametrize("name", ["", "preview.js", "blocks.js", "mrkdwn.js", "preview.css", "leads.csv", "state"])
async def test_the_page_has_all_its_files(page: Page, name: str) -> None:
    response = await ask(page, name)
    assert response.status == 200
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8790", "", "[::1]:8790"])
async def test_another_host_name_gets_nothing(page: Page, host: str) -> None:
    assert (await ask(page, "state", host=host)).status == 404


async def test_nothing_is_there_without_the_secret(page: Page) -> None:
    headers = {"host": "127.0.0.1:8790"}
    for path in ("/", "/state", f"{page.path[:-2]}/state", "/../etc/passwd"):
        assert (await page.answer(Request(path, headers, {}))).status == 404
    assert (await ask(page, "../page.py")).status == 404


async def test_a_form_of_another_site_does_nothing(page: Page) -> None:
    response = await ask(page, "say", {"user": "U1"}, **{"content-type": "text/plain"})
    assert response.status == 404


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("say", {"user": "U2", "channel": "C1", "text": "x"}),
        ("say", {"user": "U1", "channel": "C9", "text": "x"}),
        ("say", {"user": "U1"}),
        ("click", {"user": "U1", "payload": {}, "block": "b", "action": "a", "state": {}, "channel": "C1", "ts": "1"}),
        ("click", {"user": "U1", "payload": 3}),
        ("click", {"user": "U1", "payload": {}, "block": "b", "action": "a", "state": {}}),
        ("submit", {"user": "U1", "view": "V1", "state": {}}),
        ("close", {"user": "U1", "view": "V1"}),
        ("upload", {"user": "U1", "name": "a.csv", "data": "%%%"}),
        ("clock", {"user": "U1", "seconds": "soon"}),
    ],
)  # fmt: skip
async def test_a_wrong_request_is_answered_with_a_sentence(page: Page, name: str, body: dict[str, Any]) -> None:
    response = await ask(page, name, body)
    assert response.body["problem"]


async def test_the_time_goes_forward_only(page: Page) -> None:
    before = page.state()["now"]
    await ask(page, "clock", {"user": "U1", "seconds": -3600})
    await ask(page, "clock", {"user": "U1", "seconds": 3600})
    assert 3600 <= page.state()["now"] - before < 3700


async def test_an_uploaded_file_is_read_with_the_token_only(page: Page) -> None:
    response = await ask(page, "upload", {"user": "U1", "name": "leads.csv", "data": "UGhvbmU="})
    file = response.body["file"]
    assert (file["name"], file["size"], file["mimetype"]) == ("leads.csv", 5, "text/csv")
    assert page.state()["version"]
    assert json.loads(json.dumps(file)) == file
