"""A person at the modals of the fake Slack: fills inputs, submits, clicks, and sees what is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import trio

from fluentsd.testing.slack.client import Client, Where
from fluentsd.testing.slack.workspace import Workspace


class Person:
    """One person with open views. Inputs keep what was entered, as Slack does, while their ids stay the same."""

    def __init__(self, slack: Workspace, user: str = "U1") -> None:
        self._slack, self.user, self._client = slack, user, Client(slack, user)
        self._entered: dict[tuple[str, str], Mapping[str, Any]] = {}

    async def say(self, text: str) -> None:
        """Type a command that opens a view, and wait for it."""
        before = self._slack.version
        await self._client.say("C1", f"/campaign {text}")
        await self.until(lambda: self.is_open and self._slack.version > before)

    @property
    def is_open(self) -> bool:
        return bool(self._slack.stacks[self.user])

    @property
    def view(self) -> dict[str, Any]:
        """The view on top."""
        return self._slack.views[self._slack.stacks[self.user][-1]]

    @property
    def text(self) -> str:
        """All that can be read in the view on top."""
        return json.dumps([self.view["title"], self.view["blocks"]], ensure_ascii=False)

    @property
    def mrkdwn(self) -> str:
        """The texts of the view on top in which Slack would find mentions, links and formatting."""

        def texts(part: Any) -> list[str]:
            if isinstance(part, Mapping):
                mine = [str(part["text"])] if part.get("type") == "mrkdwn" else []
                return mine + [one for inner in part.values() for one in texts(inner)]
            return [one for inner in part for one in texts(inner)] if isinstance(part, list) else []

        return "\n".join(texts(self.view["blocks"]))

    @property
    def page(self) -> str:
        return str(self.view["callback_id"]).removeprefix("wizard:")

    async def until(self, condition: Any) -> None:
        with trio.fail_after(10):
            while not condition():  # noqa: ASYNC110 - what is shown changes in many ways
                await trio.sleep(0.005)

    async def shows(self, part: str) -> None:
        """Wait until this can be read on top."""
        try:
            await self.until(lambda: self.is_open and part in self.text)
        except trio.TooSlowError:
            raise AssertionError(f"{part!r} is not in {self.text if self.is_open else 'a closed view'}") from None

    def fill(self, **values: Any) -> Person:
        """Enter values: `window__hours="9-5"` is the block `window.hours`."""
        for name, value in values.items():
            self.enter(name.replace("__", "."), value)
        return self

    def enter(self, block_id: str, value: Any) -> None:
        block = next(one for one in self.view["blocks"] if one.get("block_id") == block_id)
        self._entered[self.view["id"], block_id] = _entered(block["element"], value)

    def state(self) -> dict[str, Any]:
        """What Slack sends of the view's inputs."""
        values = {}
        for block in self.view["blocks"]:
            if block["type"] == "input":
                element = block["element"]
                known = self._entered.get((self.view["id"], block["block_id"]))
                values[block["block_id"]] = {element["action_id"]: known or _initial(element)}
        return {"values": values}

    async def submit(self) -> Mapping[str, str]:
        """Submit the view on top; the errors by block."""
        for block in self.view["blocks"]:
            if block["type"] == "input" and not block.get("optional"):
                entered = self.state()["values"][block["block_id"]][block["element"]["action_id"]]
                assert any(value for name, value in entered.items() if name != "type"), f"{block['block_id']} is empty"
        return await self._client.submit(self.view["id"], self.state())

    async def next(self, page: str) -> None:
        """Submit, without errors, to this page."""
        errors = await self.submit()
        assert errors == {}, errors
        assert self.page == page, (self.page, self.text)

    async def press(self, label: str) -> None:
        """Click the button with this label on top, and wait for what comes of it."""
        await self._act(lambda one: one.get("type") == "button" and one["text"]["text"].startswith(label), label)

    async def choose(self, action_id: str, words: str) -> None:
        """Choose an option of a select or menu outside inputs."""
        await self._act(lambda one: one.get("action_id") == action_id, words, words)

    async def pick_date(self, action_id: str, date: str) -> None:
        """Pick a date with a picker outside inputs."""
        await self._act(lambda one: one.get("action_id", "").startswith(action_id), date, date)

    async def more(self) -> None:
        """Show the fields that few people change."""
        button = next(one for block in self.view["blocks"] for one in block.get("elements", ())
                      if one.get("action_id") == "wizard:more")  # fmt: skip
        await self._act(lambda one: one is button, "more")

    async def change(self, block_id: str, value: Any) -> None:
        """Enter a value into an input that tells the app of each change."""
        self.enter(block_id, value)
        block = next(one for one in self.view["blocks"] if one.get("block_id") == block_id)
        assert block["dispatch_action"]
        element = block["element"]
        await self._client.click(Where(view=self.view["id"]), block_id, element["action_id"],
                                 _entered(element, value), self.state())  # fmt: skip

    async def _act(self, is_it: Any, label: str, words: str = "") -> None:
        view = self.view
        for index, block in enumerate(view["blocks"]):
            for one in [*block.get("elements", ()), block.get("accessory") or {}]:
                if is_it(one):
                    payload: dict[str, Any] = {}
                    if words and one["type"] == "datepicker":
                        payload = {"selected_date": words}
                    elif words:
                        chosen = next(o for o in one["options"] if o["text"]["text"].startswith(words))
                        payload = {"selected_option": chosen}
                    before = self._slack.version
                    await self._client.click(
                        Where(view=view["id"]),
                        block.get("block_id", f"b{index}"),
                        one["action_id"],
                        payload,
                        self.state(),
                    )
                    await self.until(lambda before=before: self._slack.version > before + 1)
                    return
        raise AssertionError(f"no {label!r} in {self.text}")

    async def options(self, block_id: str, query: str = "") -> list[str]:
        """The values that an external select offers."""
        block = next(one for one in self.view["blocks"] if one.get("block_id") == block_id)
        found = await self._client.suggest(Where(view=self.view["id"]), block_id, block["element"]["action_id"], query)
        return [option["value"] for option in found]

    def upload(self, name: str, content: bytes, mimetype: str = "text/csv") -> Person:
        """Put a file into the form."""
        file = self._slack.add_file(self.user, name, content, mimetype)
        self._entered[self.view["id"], "csv.file"] = {"type": "file_input", "files": [file]}
        return self

    async def close(self) -> None:
        await self._client.close(self.view["id"])


def _entered(element: Mapping[str, Any], value: Any) -> dict[str, Any]:
    kind = element["type"]
    match kind:
        case "plain_text_input" | "number_input":
            return {"type": kind, "value": None if value is None else str(value)}
        case "static_select" | "radio_buttons":
            return {"type": kind, "selected_option": next(o for o in element["options"] if o["value"] == value)}
        case "checkboxes" | "multi_static_select":
            return {"type": kind, "selected_options": [o for o in element["options"] if o["value"] in value]}
        case "external_select":
            return {"type": kind, "selected_option": value and _option(value)}
        case "multi_external_select":
            return {"type": kind, "selected_options": [_option(one) for one in value]}
        case "datepicker":
            return {"type": kind, "selected_date": value}
    raise AssertionError(kind)


def _option(value: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": value[:75]}, "value": value}


def _initial(element: Mapping[str, Any]) -> dict[str, Any]:
    kind = element["type"]
    match kind:
        case "plain_text_input" | "number_input":
            return {"type": kind, "value": element.get("initial_value")}
        case "static_select" | "radio_buttons" | "external_select":
            return {"type": kind, "selected_option": element.get("initial_option")}
        case "checkboxes" | "multi_external_select" | "multi_static_select":
            return {"type": kind, "selected_options": element.get("initial_options", [])}
        case "datepicker":
            return {"type": kind, "selected_date": element.get("initial_date")}
        case "file_input":
            return {"type": kind, "files": []}
    raise AssertionError(kind)
