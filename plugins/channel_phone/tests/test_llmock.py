"""Another chat endpoint than our own double: `llmock` from the package index, in a process of its own.

It is not among the requirements, because it brings a web framework: `python -m venv V`, `V/bin/pip install llmock`,
then `LLMOCK=V/bin/llmock`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest
from fluentsd_channel_phone.analysis import analyse
from fluentsd_channel_phone.completions import Completions, ModelFailed
from fluentsd_channel_phone.settings import Endpoint

from fluentsd.api import AnalysisRequest, Outcome, Unavailable
from plugins.channel_phone.tests.stage import an_agent

LLMOCK = os.environ.get("LLMOCK") or shutil.which("llmock")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(LLMOCK is None, reason="llmock is not installed; see this module's first lines"),
]
SCHEMA = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}


def served(*options: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(LLMOCK), "serve", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    yield from served()


@pytest.fixture(scope="module")
def bad() -> Iterator[str]:
    yield from served("--error-rate", "503=1.0")


async def test_an_answer_is_said_as_it_streams_and_a_tool_is_understood(good: str) -> None:
    said: list[str] = []

    async def say(text: str) -> None:
        said.append(text)

    async with httpx.AsyncClient(trust_env=False) as http:
        model = Completions(lambda: http, Endpoint(good, "gpt-4o-mini", "key"), None)
        answer = await model.answer(an_agent(), [{"role": "user", "content": "Do you have bicycles?"}], [], say)
        assert answer.text.strip()
        assert answer.text == "".join(said)
        request = AnalysisRequest(an_agent(), Outcome.answered, "person: Yes, please.", "", SCHEMA)
        found = await analyse(model, request)
        assert isinstance(found["summary"], str)


async def test_a_service_that_fails_is_given_up_after_the_second_try(bad: str) -> None:
    async def say(text: str) -> None:
        pytest.fail(f"it said {text!r}")

    async with httpx.AsyncClient(trust_env=False) as http:
        model = Completions(lambda: http, Endpoint(bad, "gpt-4o-mini", "key"), None)
        with pytest.raises(ModelFailed, match="503"):
            await model.answer(an_agent(), [{"role": "user", "content": "Hello"}], [], say)
        with pytest.raises(Unavailable, match="503"):
            await analyse(model, AnalysisRequest(an_agent(), Outcome.answered, "person: Hi.", "", SCHEMA))
