"""The page in a real headless browser."""

from __future__ import annotations

import pytest
import trio

from tests.preview.browser import open_browser
from tests.preview.conftest import a_preview

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_a_campaign_by_clicks() -> None:
    async with a_preview() as visitor, open_browser(str(visitor.http.base_url)) as browser:
        await browser.type("/campaign start autumn")
        await browser.click("Start", ".message")
        await browser.click("Start", ".dialog")
        await browser.wait("document.querySelector('#messages').innerText.includes('is started: 60 people queued')")
        await browser.click("+10 min")
        await browser.wait("document.querySelector('#messages').innerText.includes('Total 60 ·')")
        await browser.click("1 reply")
        await browser.wait("document.querySelector('#thread').innerText.includes('started by @Manager')")
        await browser.click("Home of the app")
        await browser.wait("document.querySelector('#messages').innerText.includes('Autumn fair')")
        assert browser.errors == []


async def test_text_of_strangers_is_shown_as_text() -> None:
    async with a_preview() as visitor, open_browser(str(visitor.http.base_url)) as browser:
        bad = "<img src=x onerror=alert(1)> *bold* <!channel> & `code` \u202eevil :tada: https://x.example"
        await visitor.do("say", channel="C01", text=bad)
        await browser.wait("document.querySelector('#messages').innerText.includes('onerror=alert(1)')")
        assert await browser.run("document.querySelectorAll('#messages img').length") == 0
        assert await browser.run("document.querySelectorAll('#messages .alarm').length") == 0
        await trio.lowlevel.checkpoint()
        assert browser.errors == []
