"""A headless Chromium driven over its debugging protocol; tests are skipped where none is installed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One page. Errors that its scripts throw are collected in `errors`."""

    def __init__(self, socket: WebSocketConnection, session: str) -> None:
        self._socket, self._session, self._last = socket, session, 0
        self.errors: list[str] = []

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one command of the protocol."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.send_message(json.dumps(message))
        while True:
            answer = json.loads(await self._socket.get_message())
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(answer["params"]["exceptionDetails"])[:500])
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise AssertionError(answer["error"])
                return dict(answer["result"])

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        found = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise AssertionError(json.dumps(found["exceptionDetails"])[:800])
        return found["result"].get("value")

    async def wait(self, script: str, seconds: float = 15) -> Any:
        """The first value of an expression that is true."""
        value = None
        with trio.move_on_after(seconds):
            while not (value := await self.run(script)):  # noqa: ASYNC110 - a browser has no event for it
                await trio.sleep(0.05)
            return value
        shown = await self.run("document.body.innerText")
        raise AssertionError(f"never true: {script}\n{shown}\n{self.errors}")

    async def type(self, text: str) -> None:
        """Write a line into the box of the channel and send it."""
        await self.run(
            f"(() => {{ const box = document.getElementById('text'); box.value = {json.dumps(text)};"
            " box.form.requestSubmit(); })()"
        )

    async def click(self, label: str, inside: str = "body") -> None:
        """Click the last visible button with this label, as soon as it is there."""
        find = (
            f"[...document.querySelectorAll({json.dumps(inside)})]"
            ".flatMap(top => [...top.querySelectorAll('button, a')])"
            f".filter(one => one.offsetParent && one.textContent.trim().startsWith({json.dumps(label)})).at(-1)"
        )
        await self.wait(f"!!{find}")
        await self.run(f"{find}.click()")

    async def picture(self) -> bytes:
        """A picture of the page as PNG."""
        return base64.b64decode((await self.send("Page.captureScreenshot", format="png"))["data"])


@contextmanager
def _started(width: int, height: int) -> Iterator[Path]:
    """A browser's folder, in which it tells where it listens."""
    if PROGRAM is None:
        pytest.skip("The page is not driven: Chromium is not installed.")
    folder = Path(tempfile.mkdtemp(prefix="fluentsd-browser-"))
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
               "--remote-debugging-port=0", f"--user-data-dir={folder}", f"--window-size={width},{height}"]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([PROGRAM, *options], env=os.environ | {"HOME": str(folder)}, **quiet)  # type: ignore[call-overload]
    try:
        yield folder
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _address(folder: Path) -> str:
    """The address of the browser's protocol; "" until it listens."""
    file = folder / "DevToolsActivePort"
    lines = file.read_text().split() if file.exists() else []
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}" if len(lines) == 2 else ""


@asynccontextmanager
async def open_browser(address: str, width: int = 1280, height: int = 900) -> AsyncIterator[Browser]:
    """A browser at an address."""
    with _started(width, height) as folder:
        with trio.fail_after(60):
            while not (listens := _address(folder)):  # noqa: ASYNC110 - a file of another process
                await trio.sleep(0.05)
        async with open_websocket_url(listens, max_message_size=64 * 1024 * 1024) as socket:
            whole = Browser(socket, "")
            target = await whole.send("Target.createTarget", url="about:blank")
            session = await whole.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            page = Browser(socket, session["sessionId"])
            page._last = 1_000
            await page.send("Runtime.enable")
            await page.send("Page.enable")
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            await page.send("Emulation.setDeviceMetricsOverride", **size)
            await page.send("Page.navigate", url=address)
            await page.wait("document.querySelectorAll('#people option').length > 0")
            yield page
