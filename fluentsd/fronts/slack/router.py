"""From a payload to an answer: finds the person, then the command, click, view or event, and gets the answer to Slack
in time.

A command is answered with its acknowledgement if it is quick, else through its response_url. A click is acknowledged
at once: its button holds the text of a command, so buttons and typed commands are the same code. What must not live
here: the meaning of commands (`commands`), the connection (`transport`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import trio

from fluentsd.api import Unavailable
from fluentsd.fronts.guard import place_of
from fluentsd.fronts.slack import clicks, commands, views
from fluentsd.fronts.slack.blocks.help import denied, misread, offers_of, refusal
from fluentsd.fronts.slack.blocks.layout import SILENT, Message, message
from fluentsd.fronts.slack.blocks.paging import ACTION as PAGED
from fluentsd.fronts.slack.command_table import Misread
from fluentsd.fronts.slack.home import home
from fluentsd.fronts.slack.interaction import Interaction, read
from fluentsd.fronts.slack.jobs import Late
from fluentsd.fronts.slack.listener import FAILED
from fluentsd.fronts.slack.people import NotAllowed
from fluentsd.fronts.slack.session import Services, Session
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.fronts.slack.wizard import navigation
from fluentsd.fronts.slack.wizard.pickers import suggestions
from fluentsd.fronts.slack.wizard.view import waiting
from fluentsd.fronts.slack.wizard.view_state import PREFIX, place_in
from fluentsd.unavailable import StoreUnavailable
from fluentsd.verbs import Refused, RoleRefused

#: Seconds until an answer goes through the response_url instead of the acknowledgement, which Slack needs within 3 s.
ACK_WITHIN = 2.0

#: The commands of the app's shortcuts, by their callback id; any other is the overview.
_SHORTCUTS: Mapping[str, str] = {"new_campaign": "new"}
#: Refusals of a form whose trigger is not good any more.
_TOO_LATE = frozenset({"expired_trigger_id", "exchanged_trigger_id", "trigger_expired", "trigger_exchanged"})
#: What is opened from a list.
_OPENED = frozenset({"say:person", "say:status"})

Ack = Mapping[str, Any] | None
T = TypeVar("T")


class Router:
    """Answers payloads."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, body: Mapping[str, Any], sent: trio.Event) -> Ack:
        """The payload of the acknowledgement, within `ACK_WITHIN`; `sent` is set when it has been sent."""
        interaction, jobs = read(body), self._services.jobs
        match interaction.kind:
            case "command":
                return await self._command(interaction, sent)
            case "action":
                jobs.later(partial(self._click, interaction))
            case "submission":
                return await self._submission(interaction, sent)
            case "suggestion":
                return await self._suggestion(interaction)
            case "closed":
                jobs.later(partial(self._closed, interaction))
            case "shortcut":
                text = _SHORTCUTS.get(interaction.name, "")
                jobs.later(partial(self._answer_later, interaction, partial(commands.typed, text=text)))
            case "event":
                jobs.later(partial(self._event, interaction))
        return None

    # ── commands and clicks ──────────────────────────────────────────────────────────────────────────────────────

    async def _command(self, interaction: Interaction, sent: trio.Event) -> Ack:
        work = partial(self._answer, interaction, partial(commands.typed, text=interaction.text))
        late = _following(sent, partial(self._late_command, interaction))
        try:
            answer = await self._services.jobs.within(ACK_WITHIN, work, late)
        except Late:
            return {"response_type": "ephemeral", "text": "Working on it…"}
        if answer is SILENT:
            return None
        if answer is not None and answer.native and interaction.response_url and self._services.natives.are_taken():
            self._services.jobs.later(partial(self._respond, interaction, answer))
            return None  # a refusal of the acknowledgement would not be heard of
        return _as_response(answer) if answer is not None else {"text": FAILED}

    async def _late_command(self, interaction: Interaction, answer: Message | None) -> None:
        """An answer that came after the acknowledgement; if a view was opened, the acknowledgement's words go away."""
        await self._respond(interaction, None if answer is SILENT else answer)

    async def _click(self, interaction: Interaction) -> None:
        if interaction.name == "close":
            return await self._respond(interaction, None)
        if interaction.name.partition(":")[0] == "open":  # a view has to be opened while its trigger lives
            return await self._answer_later(interaction, views.open_view)
        if str(interaction.view.get("callback_id", "")).startswith(PREFIX) and not interaction.name.startswith("say:"):
            return await self._answer_later(interaction, navigation.clicked)
        text = str(interaction.value.get("text", ""))
        if interaction.view.get("type") == "home" or (interaction.is_in_modal and interaction.name in _OPENED):
            interaction = await self._with_modal(interaction)
        await self._answer_later(interaction, partial(commands.typed, text=text) if text else clicks.clicked)

    async def _with_modal(self, interaction: Interaction) -> Interaction:
        """A click in the app's home, or at a list in a modal, with a modal of its own that will hold its answer: opened
        first, while the trigger lives."""
        view = views.in_modal(interaction, message("One moment…"))
        method = "views.push" if interaction.is_in_modal else "views.open"
        try:
            opened = await self._services.api.call(method, trigger_id=interaction.trigger_id, view=view)
        except (Unavailable, SlackRefused) as why:
            self._services.log.warning("slack.answer_lost", error=str(why))
            return interaction
        return replace(interaction, view=dict(opened.get("view") or {}))

    async def _answer_later(
        self, interaction: Interaction, work: Callable[[Session], Awaitable[Message | None]]
    ) -> None:
        answer = await self._answer(interaction, work)
        if answer is not None and answer is not SILENT:
            await self._respond(interaction, answer)

    async def _answer(self, interaction: Interaction, work: Callable[[Session], Awaitable[T]]) -> T | Message:
        """The answer, or the message about why there is none. Never raises."""
        interaction = replace(interaction, team=interaction.team or self._services.identity.team)
        typed_as = interaction.name if interaction.kind == "command" else ""
        try:
            person = await self._services.people.find(interaction)
            return await work(Session(self._services, interaction, person))
        except NotAllowed as why:
            return refusal(str(why))
        except Misread as why:
            return misread(why, typed_as)
        except RoleRefused as why:
            return denied(why.needs, why.has, self._services.settings.roles.get("admin", ()))
        except Refused as why:
            return refusal(str(why), offers_of(why.suggestion), typed_as)
        except StoreUnavailable:
            return refusal("the database does not answer, so nothing was changed; try again in a minute")
        except SlackRefused as why:
            self._services.log.warning("slack.refused", error=str(why))
            return refusal(_of_slack(why))
        except Unavailable as why:
            self._services.log.warning("slack.refused", error=str(why))
            return refusal(f"Slack did not do its part ({why}); look before you try it again in a minute")
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each interaction
            self._services.log.error("slack.interaction", error=type(why).__name__, where=place_of(why))
            return replace(message(FAILED), is_refusal=True)

    async def _respond(self, interaction: Interaction, answer: Message | None) -> None:
        """Answer through the response_url; without one that works, in the channel to this person alone, and where the
        app is not in it, as a direct message. None deletes the message with the clicked button."""
        api, natives, url = self._services.api, self._services.natives, interaction.response_url
        try:
            if interaction.view:
                return await self._in_view(interaction, answer)
            if answer is None:
                return await api.respond(url, {"delete_original": True}) if url else None
            for say in self._ways(interaction, answer):
                try:
                    return await natives.say(answer, say)
                except SlackRefused as why:  # a response_url is used up, or the app is not in the channel
                    self._services.log.info("slack.other_way", error=str(why))
            self._services.log.warning("slack.answer_lost", error="no way to this person")
        except (Unavailable, SlackRefused) as why:
            self._services.log.warning("slack.answer_lost", error=str(why))

    def _ways(self, interaction: Interaction, answer: Message) -> Iterator[Callable[[Any], Awaitable[Any]]]:
        """The ways of a message to the person of an interaction, the best first."""
        api, url, how = self._services.api, interaction.response_url, _how(interaction, answer)
        if url:
            yield lambda body: api.respond(url, {**body, **how})
        if interaction.channel and interaction.user:
            where = {"channel": interaction.channel, "user": interaction.user}
            where |= {"thread_ts": interaction.thread_ts} if interaction.thread_ts else {}
            yield lambda body: api.call("chat.postEphemeral", **where, **body)
        if interaction.user:
            yield lambda body: api.call("chat.postMessage", channel=interaction.user, **body)

    async def _in_view(self, interaction: Interaction, answer: Message | None) -> None:
        """Answer a click in a modal by drawing it again, a refusal above the form."""
        view, call = interaction.view, self._services.api.call
        if answer is None or not interaction.is_in_modal:
            return
        is_form = str(view.get("callback_id", "")).startswith(PREFIX)
        new = views.with_note(view, answer) if answer.is_refusal and is_form else views.in_modal(interaction, answer)
        try:
            await call("views.update", view_id=view.get("id"), hash=view.get("hash"), view=new)
        except SlackRefused as why:
            if why.error not in ("hash_conflict", "not_found"):
                raise

    # ── views and events ─────────────────────────────────────────────────────────────────────────────────────────

    async def _submission(self, interaction: Interaction, sent: trio.Event) -> Ack:
        """Submitted values are checked within the acknowledgement, so that mistakes show beside their inputs."""
        work = partial(self._answer, interaction, views.submitted)
        late = _following(sent, partial(self._direct, interaction))
        try:
            answer = await self._services.jobs.within(ACK_WITHIN, work, late)
        except Late:
            if interaction.name.startswith(PREFIX):
                place = place_in(interaction.view, interaction.value)
                return {"response_action": "update", "view": waiting(place, "Working on it…")}
            return {"response_action": "clear"}
        return views.shown(interaction, answer)

    async def _direct(self, interaction: Interaction, answer: Message | Mapping[str, Any] | None) -> None:
        """A late answer of a view: in the view that says so, or as a direct message."""
        if interaction.name.startswith(PREFIX):
            return await self._late(interaction, views.shown(interaction, answer))
        if isinstance(answer, Message):
            try:
                await self._services.api.call("chat.postMessage", channel=interaction.user, **answer.body())
            except (Unavailable, SlackRefused) as why:
                self._services.log.warning("slack.answer_lost", error=str(why))

    async def _late(self, interaction: Interaction, ack: Ack) -> None:
        """The acknowledgement of a submit that took longer than Slack waits, in the view that waits for it: another
        view, or the form again with its mistakes above it."""
        found = ack or {}
        words = "; ".join(str(one) for one in (found.get("errors") or {}).values())
        saved = views.in_modal(interaction, message("It is saved. Close this form to go on."))
        new = found.get("view") or (views.with_note(interaction.view, refusal(words)) if words else saved)
        try:
            await self._services.api.call("views.update", view_id=interaction.view.get("id"), view=new)
        except (Unavailable, SlackRefused) as why:
            self._services.log.warning("slack.answer_lost", error=str(why))

    async def _suggestion(self, interaction: Interaction) -> Ack:
        """The options of a select that searches; none, if they are not there in time or the person may not look."""

        async def work() -> Any:
            return await self._answer(interaction, suggestions)

        try:
            found = await self._services.jobs.within(ACK_WITHIN, work, _forgotten)
        except Late:
            return {"options": []}
        return found if isinstance(found, Mapping) else {"options": []}

    async def _closed(self, interaction: Interaction) -> None:
        """A view of the wizard was closed: a direct message says how to go on."""
        if interaction.name.startswith(PREFIX):
            answer = await self._answer(interaction, navigation.closed)
            if answer is not None and not answer.is_refusal:
                await self._direct(replace(interaction, name=""), answer)

    async def _event(self, interaction: Interaction) -> None:
        event, people = interaction.event, self._services.people
        match interaction.name:
            case "subteam_members_changed":
                people.group_changed(str(event.get("subteam_id", "")))
            case "subteam_updated":
                people.group_changed(str((event.get("subteam") or {}).get("id", "")))
            case "user_change":
                people.user_changed(str((event.get("user") or {}).get("id", "")))
            case "app_home_opened" if event.get("tab", "home") == "home":
                await self._home(interaction)
            case "app_mention":
                await self._in_thread(interaction)
            case "message" if (
                interaction.channel.startswith("D") and not event.get("subtype") and not event.get("bot_id")
            ):
                await self._in_thread(interaction)
            case "tokens_revoked" | "app_uninstalled":
                self._services.log.error("slack.uninstalled", fix="install the app again, then `fluentsd slack check`")

    async def _in_thread(self, interaction: Interaction) -> None:
        """A mention or a direct message: the same commands. Others read a thread, so an answer with contact data is
        masked, and one that asks before a change goes to the person alone."""
        text = without_mention(interaction.text, self._services.identity.bot_user, interaction.name == "app_mention")
        answer = await self._answer(interaction, partial(commands.typed, text=text))
        if answer is None:
            return
        where = {"channel": interaction.channel}
        if interaction.name != "message" or interaction.thread_ts:
            where["thread_ts"] = interaction.thread_ts or interaction.message_ts
        call = self._services.api.call
        try:
            await self._services.natives.say(answer, lambda body: call("chat.postMessage", **where, **body))
        except (Unavailable, SlackRefused) as why:
            self._services.log.warning("slack.answer_lost", error=str(why))

    async def _home(self, interaction: Interaction) -> None:
        answer = await self._answer(interaction, home)

        if isinstance(answer, Message):
            plain, native = {"type": "home", "blocks": answer.body()["blocks"]}, None
        else:
            plain, native = answer
        call = self._services.api.call
        try:
            await self._services.natives.send(
                plain, native, lambda view: call("views.publish", user_id=interaction.user, view=view)
            )
        except (Unavailable, SlackRefused) as why:
            self._services.log.warning("slack.answer_lost", error=str(why))


def _of_slack(why: SlackRefused) -> str:
    """A refusal of Slack, with what to do about it."""
    if why.lacks:
        return why.lacks
    if why.error in _TOO_LATE:
        return "Slack waits only three seconds for a form, and it took longer; nothing was changed. Do the same again"
    return f"Slack did not do its part ({why}); an admin can find the cause with `fluentsd slack check`"


def without_mention(text: str, bot: str, is_mention: bool) -> str:
    """What is said to the app, without its mention; the first mention is the app's while its own id is not known."""
    whom = re.escape(bot) if bot else r"\w+" if is_mention else "(?!)"
    return re.sub(rf"<@{whom}(?:\|[^>]*)?>", " ", text, count=0 if bot else 1).strip(" :,")


def _following(sent: trio.Event, late: Callable[[T], Awaitable[None]]) -> Callable[[T], Awaitable[None]]:
    """A late answer that comes after the acknowledgement: else Slack would show "Working on it…" in its place."""

    async def answer(value: T) -> None:
        await sent.wait()
        await late(value)

    return answer


async def _forgotten(_: object) -> None:
    """Options that came too late."""


def _as_response(answer: Message) -> dict[str, Any]:
    return {"response_type": "in_channel" if answer.public else "ephemeral", **answer.body()}


def _how(interaction: Interaction, answer: Message) -> dict[str, Any]:
    """How a response_url shows an answer: that to a click takes the place of a message that only this person sees, as
    does another page of a list in a direct message, and leaves a shared one as it is. What is opened from a list stands
    below it, so that the list is still there."""
    is_own, is_direct = interaction.is_ephemeral, interaction.channel.startswith("D")
    is_paged = is_direct and not is_own and interaction.name.startswith(PAGED)
    replaces = interaction.kind == "action" and (is_paged or (is_own and interaction.name not in _OPENED))
    is_seen = answer.public or is_paged  # what everybody sees is not made ephemeral
    return {"response_type": "in_channel" if is_seen else "ephemeral", "replace_original": replaces}
