"""Makes the pictures of docs/slack.md: `make pictures`, or `python docs/pictures.py [NAME…]`.

The preview's page is driven in a headless Chromium through the life of a campaign, and what the product sends is
photographed there. All people are made up by the demo.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.preview import browser as browser_module
from tests.preview.browser import Browser, open_browser
from tests.preview.conftest import Visitor, a_preview

FOLDER = Path(__file__).parent / "pictures"
ROWS = (
    "First name,Mobile,Mail,State,Interest\n"
    + "".join(f"Person {n},+1212555{n:04d},p{n}@example.com,NY,a new roof\n" for n in range(100, 138))
    + "Person 200,12,p200@example.com,NY,roof\nPerson 201,,,NY,\n"
)
#: Nothing has the focus, and no list of options hangs over a form.
_CALM = "document.activeElement?.blur(); document.querySelectorAll('.list').forEach(one => one.remove())"
#: Whether the thread of a card shows the alert, and not only the card itself.
_ALERTED = "document.querySelector('#thread').innerText.split('Contact the others…').length > 2"
#: The box of a node; a column of the page ends with what stands in it.
_BOX = (
    "one => { const box = one.getBoundingClientRect().toJSON(), last = one.lastElementChild?.getBoundingClientRect();"
    " if (['messages', 'thread'].includes(one.id)) box.height = last.bottom - box.y + 12; return box; }"
)
#: Pictures that are taken until the page stands still.
TRIES = 10
#: Pages of the wizard after the first, by a text that each shows, and its picture.
PAGES = (
    ("When may people be contacted?", "wizard-2-window"), ("What happens, step by step", "wizard-3-flow"),
    ("Which numbers do we use?", "wizard-4-numbers"), ("Who is contacted?", "wizard-5-contacts"),
)  # fmt: skip
LATER = (
    ("When is a person done?", "wizard-6-exit"), ("How fast", "wizard-7-limits"),
    ("What the law asks, and who", "wizard-8-law"), ("would be contacted", "wizard-9-review"),
)  # fmt: skip


class Photographer:
    """A browser at the preview, and the names of the pictures that are wanted (all, if there are none)."""

    def __init__(self, browser: Browser, wanted: set[str]) -> None:
        self.browser, self.wanted = browser, wanted

    async def shows(self, part: str) -> None:
        await self.browser.wait(f"document.body.innerText.includes({json.dumps(part)})", 60)

    async def take(self, name: str, find: str, margin: int = 0) -> None:
        """Take a picture of a node, which is the value of a JavaScript expression."""
        if self.wanted and name not in self.wanted:
            return
        await self.browser.run(_CALM)
        for _ in range(TRIES):
            await self.browser.run(f"{find}.scrollIntoView({{block: 'center'}})")
            await self.browser.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            box = await self.browser.run(f"({_BOX})({find})")
            clip = {"x": box["x"] - margin, "y": box["y"] - margin, "width": box["width"] + 2 * margin,
                    "height": box["height"] + 2 * margin, "scale": 1}  # fmt: skip
            found = await self.browser.send("Page.captureScreenshot", format="png", clip=clip)
            if await self.browser.run(f"({_BOX})({find})") == box:  # no message has moved it meanwhile
                (FOLDER / f"{name}.png").write_bytes(base64.b64decode(found["data"]))
                sys.stdout.write(f"{name}\n")
                return
        raise RuntimeError(f"{name} has moved in each of {TRIES} pictures")

    async def form(self, name: str) -> None:
        await self.take(name, "document.querySelector('.dialog')")

    async def message(self, name: str, part: str) -> None:
        """A picture of the last message in which a text can be read, as soon as there is one."""
        await self.browser.wait(f"!!{_last(part)}", 60)
        await self.take(name, f"{_last(part)}.querySelector('.content')", 6)

    async def fill(self, label: str, value: str) -> None:
        """Enter a value into the input below a label."""
        await self.browser.run(
            f"(() => {{ const top = [...document.querySelectorAll('.dialog .input')].find(one => "
            f"one.innerText.startsWith({json.dumps(label)})); const box = top.querySelector('input, textarea, select');"
            f"box.value = {json.dumps(value)}; box.dispatchEvent(new Event('input', {{bubbles: true}}));"
            "box.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    async def choose(self, label: str, words: str) -> None:
        """Choose an option of the select below a label."""
        await self.fill(label, await self.browser.run(
            f"[...document.querySelectorAll('.dialog option')].find(one => one.text === {json.dumps(words)}).value"
        ))  # fmt: skip


def _last(part: str) -> str:
    return (f"[...document.querySelectorAll('#messages .message')]"
            f".filter(one => one.innerText.includes({json.dumps(part)})).at(-1)")  # fmt: skip


async def wizard(photo: Photographer) -> None:
    """A campaign page by page, from its name to the check before it starts."""
    browser = photo.browser
    await browser.type("/campaign new Spring fair")
    await photo.shows("Start from")
    await photo.choose("Start from", "Call plus follow-up message")
    await photo.form("wizard-1-name")
    for says, name in PAGES:
        await browser.click("Next", ".dialog .foot")
        await photo.shows(says)
        await photo.form(name)
        if name.endswith("flow"):
            await browser.click("Add a text", ".dialog")
            await photo.shows("Or a saved text")
            await photo.form("wizard-3-step")
            await browser.run("document.querySelector('.dialog .foot button').click()")
            await photo.shows(says)
    await browser.click("Upload a CSV", ".dialog")
    await photo.shows("CSV file")
    await _choose_file(browser)
    await browser.click("Read it", ".dialog")
    await photo.shows("As it would be read")
    await photo.fill("Kind of consent", "written")
    await photo.fill("Date of the consent", "2026-11-01")
    await photo.fill("Confirmed by", "the desk of the fair")
    await photo.fill("Last scrub", "2026-11-20")
    for _ in range(TRIES):  # a click on a form that is drawn again at this moment is lost
        for channel in ("phone", "sms"):
            await browser.run(
                f"document.querySelector('.dialog [type=checkbox][value={channel}]:not(:checked)')?.click()"
            )
            await trio.sleep(1)
        if await browser.run("document.body.innerText.includes('This covers the calls and texts')"):
            break
    await photo.shows("This covers the calls and texts")
    await photo.form("wizard-5-csv")
    await browser.click("Import", ".dialog")
    await photo.shows("people added")
    await photo.form("wizard-5-imported")
    await browser.click("Done", ".dialog .foot")
    await photo.shows("people enrolled so far")
    for says, name in LATER:
        await browser.click("Next", ".dialog .foot")
        await photo.shows(says)
        await photo.form(name)
    await browser.run("document.querySelector('.dialog [aria-label=Close]').click()")


async def _choose_file(browser: Browser) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spring-fair.csv"
        file.write_text(ROWS)
        found = await browser.send("Runtime.evaluate", expression="document.querySelector('.dialog input[type=file]')")
        await browser.send("DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"])
        await browser.wait("document.querySelector('.dialog input[type=file]').read().files?.length")


async def running(photo: Photographer) -> None:
    """A start with a few people first, the live card and its thread, what people answer, and what is made of it."""
    browser = photo.browser
    await browser.type("/campaign start autumn")
    await photo.message("launch-card", "would be contacted")
    await browser.type("/campaign start autumn first 20 yes")
    await photo.shows("After 20 people it is held")
    await browser.wait(f"!!{_last('Started on')}?.querySelector('.replies')", 60)
    await browser.run(f"{_last('Started on')}.querySelector('.replies').click()")
    for _ in range(12):
        await browser.click("+10 min")
        if await browser.run(_ALERTED):
            break
        await trio.sleep(1)
    await browser.wait(_ALERTED, 60)
    await photo.take("alert", "document.querySelector('#thread')")
    await browser.click("Contact the others", "#thread")
    await browser.click("Contact them", ".veil .dialog")
    await browser.click("×", "#thread")
    await trio.sleep(1)
    for _ in range(4):
        await browser.click("+10 min")
        await trio.sleep(2)
    await photo.message("hot-lead", "is interested")
    await photo.message("reply", "answered in")
    await browser.run(f"[...{_last('is interested')}.querySelectorAll('button')]"
                      ".find(one => one.innerText === 'History').click()")  # fmt: skip
    await photo.message("person", "newest first")
    await browser.run(f"[...{_last('answered in')}.querySelectorAll('button')]"
                      ".find(one => one.innerText === 'Mark as handled').click()")  # fmt: skip
    await photo.message("handled", "handled by")
    await browser.type("/campaign stauts autumn")
    await photo.message("mistyped", "is not a command")
    await browser.type("/campaign")
    await photo.message("overview", "All campaigns")
    await browser.type("/campaign report autumn")
    await photo.message("report", "When people answer")
    await trio.sleep(16)  # the card follows its figures
    await photo.message("live-card", "Started on")
    await browser.click("Home of the app")
    await photo.shows("Needs attention")
    await photo.take("home", "document.querySelector('#messages')")


STORIES: tuple[Callable[[Photographer], Awaitable[None]], ...] = (wizard, running)


async def main(wanted: set[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    async with a_preview() as visitor, open_browser(address(visitor), 1240, 2300) as browser:
        for story in STORIES:
            await story(Photographer(browser, wanted))


def address(visitor: Visitor) -> str:
    return str(visitor.http.base_url)


def run(wanted: set[str]) -> None:
    if browser_module.PROGRAM is None:
        raise SystemExit("The pictures need a browser: install Chromium (`apt install chromium`), then run this again.")
    trio.run(main, wanted)


if __name__ == "__main__":
    run(set(sys.argv[1:]))
