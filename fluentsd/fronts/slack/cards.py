"""The target of the outbox that keeps Slack's cards: one live card per campaign, edited in place, with its history and
alerts in its thread, and one card per reply.

A card shows what `campaign status` answers. A change of state edits it at once; counters follow within 15 s, at most 40
edits a minute for all campaigns. While Slack is away the events wait in the outbox, and the cards agree again when it
is back. What must not live here: the words (`blocks`), and the pace of calls (`web_api`).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import trio

from fluentsd.api import Rejected, Unavailable
from fluentsd.domain.subscriptions import SLACK
from fluentsd.engine.outbox.targets import Posted
from fluentsd.fronts.slack.blocks import history, lists
from fluentsd.fronts.slack.blocks.card import card
from fluentsd.fronts.slack.blocks.layout import Message
from fluentsd.fronts.slack.session import Services
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.unavailable import StoreUnavailable
from fluentsd.verbs import Call, Refused, slack_posts
from fluentsd.verbs.answers.types import typed
from fluentsd.verbs.catalogue import ANSWERS
from fluentsd.verbs.execute import execute
from fluentsd.verbs.slack_posts import SlackPost

#: Seconds between two looks at the counters, and edits in one of them: 40 a minute.
LOOK_EVERY, EDITS_AT_ONCE = 15.0, 10
#: Refusals about the channel or the token: they would meet the next event too, and a person has to act.
_OF_THE_TARGET = frozenset({
    "not_in_channel", "channel_not_found", "is_archived", "invalid_auth", "not_authed", "account_inactive",
    "token_revoked", "token_expired", "missing_scope", "restricted_action", "team_access_not_granted",
})  # fmt: skip
#: Refusals that say that a message is not there any more.
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
#: Seconds until a target with such a refusal is tried again.
PERSON_AGAIN = 60.0


class Cards:
    """Cards in one channel."""

    name, keeps_delivered = SLACK, True

    def __init__(self, services: Services, channel: str) -> None:
        self._services, self._channel = services, channel
        self._runtime = services.runtime
        self._turns: dict[str, trio.Lock] = {}

    async def deliver(self, event: Posted) -> None:
        """Show one event."""
        try:
            await self._show(event)
        except SlackRefused as why:
            if why.error in _OF_THE_TARGET:
                self._services.log.error(
                    "slack.refused", error=why.error, method=why.method, fix="`fluentsd slack check`"
                )
                raise Unavailable(str(why), PERSON_AGAIN) from why
            raise Rejected(str(why)) from why

    async def _show(self, event: Posted) -> None:
        payload = event.payload
        if event.topic == "reply.received":
            return await self._reply(event)
        ref = payload.get("campaign") or (payload.get("target") if payload.get("scope") == "campaign" else None)
        if ref is None:
            await self._services.api.call("chat.postMessage", channel=self._channel, **history.alert(event).body())
            return
        post = await self.refresh(str(ref))
        if post is not None and (line := history.line(event, await self._because(str(ref), event.at))) is not None:
            await self._services.api.call("chat.postMessage", channel=self._channel, thread_ts=post.ts, **line.body())

    async def keep_current(self) -> None:
        """Edit the cards whose counters have changed, until cancelled."""
        while True:
            await trio.sleep(LOOK_EVERY)
            try:
                await self._look()
            except (StoreUnavailable, Unavailable, SlackRefused):
                continue  # the next look tries again; the outbox tells what is down

    async def _look(self) -> None:
        edits = 0
        known = {one.ref: one for one in (await self._ask("campaign list", {})).campaigns}
        for post in await slack_posts.of_kind(self._runtime, "card"):
            campaign = known.get(post.about)
            if campaign is None or campaign.state != "active":
                continue  # without an event, only the counters of active campaigns change
            after = await self.refresh(post.about)
            edits += after is not None and after.shown != post.shown
            if edits >= EDITS_AT_ONCE:
                return

    async def overview(self) -> Message:
        """The overview of all campaigns, for the daily digest."""
        found, holds = await self._ask("campaign list", {}), await self._ask("holds", {})
        return lists.overview(found.campaigns, holds.holds, self._services.settings.command)

    async def refresh(self, ref: str) -> SlackPost | None:
        """Bring a campaign's card up to date, or post it; None for a campaign that is not there any more."""
        async with self._turns.setdefault(ref, trio.Lock()):
            try:
                message = card(await self._ask("campaign status", {"ref": ref}))
            except Refused:
                return None
            return await self._put("card", ref, message)

    async def _put(self, kind: str, about: str, message: Message) -> SlackPost:
        """Post a message, or edit the one that is there if it shows something else."""
        now, body = self._runtime.clock.now(), message.body()
        shown = hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()
        post = await slack_posts.find(self._runtime, kind, about, self._channel)
        if post is not None:
            if post.shown == shown:
                return post
            try:
                await self._services.api.call("chat.update", channel=post.channel, ts=post.ts, **body)
                return await self._save(SlackPost(kind, about, self._channel, post.ts, shown, now))
            except SlackRefused as why:
                if why.error not in _GONE:
                    raise
        answer = await self._services.api.call("chat.postMessage", channel=self._channel, **body)
        return await self._save(SlackPost(kind, about, self._channel, str(answer["ts"]), shown, now))

    async def _save(self, post: SlackPost) -> SlackPost:
        await slack_posts.save(self._runtime, post)
        return post

    async def _reply(self, event: Posted) -> None:
        """A card for a person's reply; none once it is handled."""
        payload = event.payload
        found = (await self._ask("campaign replies", {"ref": payload["campaign"], "most": 1000})).replies
        mine = next((one for one in reversed(found) if one.attempt == payload["attempt"]), None)
        if mine is None:
            return
        owner = (await self._ask("campaign status", {"ref": payload["campaign"]})).owner
        await self._put("reply", str(payload["attempt"]), history.reply(mine, int(payload["contact"]), owner))

    async def _because(self, ref: str, at: int) -> str:
        """The reason that a person gave for the act of an event."""
        entries = (await self._ask("log", {"target": ref, "most": 20})).entries
        details = next((one.details for one in entries if one.at == at and isinstance(one.details, dict)), {})
        return str(details.get("because") or "")

    async def _ask(self, verb: str, arguments: dict[str, Any]) -> Any:
        call = Call("fluentsd", self._runtime.clock.now(), role="viewer")
        return typed(ANSWERS, verb, await execute(self._runtime, verb, arguments, call))
