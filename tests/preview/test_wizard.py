"""From an empty installation to a running campaign in a real headless browser, without a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.preview.browser import Browser, open_browser
from tests.preview.conftest import a_preview

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROWS = "".join(f"P{n},+1212555{n:04d},p{n}@example.com\n" for n in range(100, 140))


async def shows(browser: Browser, part: str) -> None:
    await browser.wait(f"document.body.innerText.includes({json.dumps(part)})")


async def fill(browser: Browser, label: str, value: str) -> None:
    """Enter a value into the input below a label."""
    await browser.run(
        f"(() => {{ const top = [...document.querySelectorAll('.dialog .input')].find(one => "
        f"one.innerText.startsWith({json.dumps(label)})); const box = top.querySelector('input, textarea, select');"
        f"box.value = {json.dumps(value)}; box.dispatchEvent(new Event('input', {{bubbles: true}}));"
        "box.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


async def choose_file(browser: Browser, file: Path) -> None:
    """Put a file of this machine into the form."""
    found = await browser.send("Runtime.evaluate", expression="document.querySelector('.dialog input[type=file]')")
    await browser.send("DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"])
    await browser.wait("document.querySelector('.dialog input[type=file]').read().files?.length")


async def test_a_campaign_from_nothing_to_its_first_messages(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("First Name,Mobile,Email\n" + ROWS)
    async with a_preview(empty=True) as visitor, open_browser(str(visitor.http.base_url)) as browser:
        await browser.click("Home of the app")
        await browser.click("New campaign")
        await shows(browser, "Start from")
        await fill(browser, "Name", "Spring fair")
        await browser.click("Next", ".dialog")
        await shows(browser, "When may people be contacted?")
        await fill(browser, "Hours", "9am-7pm")
        await browser.click("More options", ".dialog")
        await shows(browser, "Dates with other hours")
        hours = "document.querySelector('.dialog [data-block=\"window.hours\"] input').value"
        assert await browser.run(hours) == "9am-7pm"
        await browser.click("Next", ".dialog")
        await shows(browser, "What happens, step by step")
        await browser.click("Next", ".dialog")
        await shows(browser, "Which numbers do we use?")
        await browser.click("Next", ".dialog")
        await shows(browser, "Who is contacted?")
        await browser.click("Upload a CSV", ".dialog")
        await shows(browser, "CSV file")
        await choose_file(browser, tmp_path / "people.csv")
        await browser.click("Read it", ".dialog")
        await shows(browser, "As it would be read")
        await fill(browser, "Kind of consent", "written")
        await fill(browser, "Date of the consent", "2026-11-01")
        await fill(browser, "Confirmed by", "Dana Roe")
        await fill(browser, "Last scrub", "2026-11-20")
        await browser.run("document.querySelectorAll('.dialog [type=checkbox][value=phone]').forEach(b => b.click())")
        await browser.click("Import", ".dialog")
        await shows(browser, "40 of 40 people added")
        await browser.click("Done", ".dialog .foot")
        await shows(browser, "40 people enrolled so far")
        for page in ("When is a person done?", "How fast", "What the law asks, and who", "would be contacted"):
            await browser.click("Next", ".dialog .foot")
            await shows(browser, page)
        await browser.click("Start", ".dialog")
        await browser.click("Start", "[role=alertdialog], .confirm, .dialog")
        await shows(browser, "is started: 40 people queued")
        assert browser.errors == []
