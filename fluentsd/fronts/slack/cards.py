"""The target of the outbox that keeps Slack's cards: one live card per campaign and channel, edited in place, with its
history and alerts in its thread; and the cards of replies and hot leads (`conversations`).

A card shows what `campaign status` answers. A change of state edits it at once; counters follow within 15 s, at most 40
edits a minute for all campaigns. While Slack is away the events wait in the outbox, and the cards agree again when it
is back. What must not live here: the words (`blocks`), and the pace of calls (`web_api`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from fluentsd.api import Rejected, Unavailable
from fluentsd.domain.leads import lead_of
from fluentsd.domain.subscriptions import SLACK
from fluentsd.engine.outbox.targets import Posted
from fluentsd.fronts.slack.blocks import conversations, handover, history, lists, sync
from fluentsd.fronts.slack.blocks.card import card
from fluentsd.fronts.slack.blocks.layout import Message
from fluentsd.fronts.slack.conversations import KINDS, Conversations
from fluentsd.fronts.slack.people import Owners, user_of
from fluentsd.fronts.slack.posting import Posts
from fluentsd.fronts.slack.routes import Routes
from fluentsd.fronts.slack.session import Services
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.unavailable import StoreUnavailable
from fluentsd.verbs import Refused
from fluentsd.verbs.slack_posts import SlackPost

#: Seconds between two looks at the counters, and edits in one of them: 40 a minute.
LOOK_EVERY, EDITS_AT_ONCE = 15.0, 10
#: Refusals about the channel or the token: they would meet the next event too, and a person has to act.
_OF_THE_TARGET = frozenset({
    "not_in_channel", "channel_not_found", "is_archived", "invalid_auth", "not_authed", "account_inactive",
    "token_revoked", "token_expired", "missing_scope", "restricted_action", "team_access_not_granted",
})  # fmt: skip
#: Seconds until a target with such a refusal is tried again.
PERSON_AGAIN = 60.0
#: Events of which it is remembered which channels show them already, while Slack is away.
REMEMBERED = 1000


class Cards:
    """Cards in the channels that want them."""

    name, keeps_delivered = SLACK, True

    def __init__(self, services: Services, routes: Routes) -> None:
        self._services, self._routes = services, routes
        self._posts, self._owners = Posts(services), Owners(services.people, services.settings.roles)
        self._conversations = Conversations(services, self._posts, routes, self._owners)
        self._turns: dict[str, trio.Lock] = {}
        self._done: dict[int, set[str]] = {}  #: of events that have failed in one of their channels

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
        self._done.pop(event.id, None)

    async def _show(self, event: Posted) -> None:
        payload = event.payload
        if event.topic == "call.received" and not (payload["campaign"] and lead_of(payload["disposition"])):
            return await self._caller(event)
        if event.topic in KINDS:
            found = await self._conversations.channels(event)
            return await self._each(event, found, lambda channel: self._conversations.show(event, channel))
        if payload.get("scope") == "contact":
            return await self._conversations.refresh()
        ref = str(payload.get("campaign") or (payload.get("target") if payload.get("scope") == "campaign" else ""))
        name = await self._name(ref)
        alerted = await self._routes.of(ref, "alerts") if history.is_alert(event) else None
        with_card = await self._routes.of(ref, "changes") if ref else []
        if event.topic == "campaign.given":  # a draft has no card yet
            with_card = [channel for channel in with_card if await self._posts.has("card", ref, channel)]
        if with_card:
            line = history.line(event, await self._because(ref, event.at), name)
            alert = with_card if alerted is None else alerted
            await self._each(
                event, with_card, lambda channel: self._change(ref, channel, line if channel in alert else None)
            )
        bare = [channel for channel in alerted or () if channel not in with_card]
        await self._each(event, bare, lambda channel: self._post(channel, history.alert(event, name)))
        if event.topic == "campaign.given":
            await self._handed_over(ref, str(payload["owner"]), str(payload["by"]))

    async def _each(self, event: Posted, channels: Sequence[str], show: Callable[[str], Awaitable[None]]) -> None:
        """Show an event in each channel once, also when it is delivered again. A refusal of a channel that somebody
        has chosen is logged and concerns no other; one of the settings' channel is the target's."""
        done = self._done.setdefault(event.id, set())
        while len(self._done) > REMEMBERED:
            self._done.pop(next(iter(self._done)))
        for channel in channels:
            if channel in done:
                continue
            try:
                await show(channel)
            except SlackRefused as why:
                if channel == self._routes.usual:
                    raise
                self._services.log.warning("slack.channel_left_out", channel=channel, error=why.error,
                                           fix="invite the app to it, or say there: alerts off")  # fmt: skip
            done.add(channel)

    async def _caller(self, event: Posted) -> None:
        """A person whom we know has called, and is no hot lead; their steps wait until somebody decides."""
        if not event.payload["known"] or event.payload["again"]:
            return
        found = (await self._posts.ask("calls", {"attempt": event.payload["call"]})).calls
        if found:
            words = conversations.caller(found[0], event.payload["contact"])
            shown = await self._routes.of(event.payload["campaign"], "leads")
            await self._each(event, shown, lambda channel: self._post(channel, words))

    async def _change(self, ref: str, channel: str, line: Message | None) -> None:
        post = await self._card(ref, channel)
        if post is not None and line is not None:
            await self._posts.below(post, line)

    async def _post(self, channel: str, message: Message) -> None:
        await self._services.api.call("chat.postMessage", channel=channel, **message.body())

    async def _handed_over(self, ref: str, owner: str, by: str) -> None:
        """The replies and leads of a campaign name its new owner, who gets a summary as a direct message."""
        await self._conversations.refresh()
        user = user_of(owner)
        if not user or user == user_of(by):
            return
        try:
            status = await self._posts.ask("campaign status", {"ref": ref})
            replies = len((await self._posts.ask("campaign replies", {"ref": ref, "most": 1000})).replies)
            leads = len((await self._posts.ask("campaign leads", {"ref": ref, "most": 1000})).leads)
            edits = [one for one in (await self._posts.ask("campaign edits", {})).edits if one.ref == ref]
            await self._post(user, handover.summary(status, replies, leads, bool(edits), by))
        except (Refused, SlackRefused) as why:
            self._services.log.warning("slack.answer_lost", error=str(why))

    async def keep_current(self) -> None:
        """Edit the cards whose counters have changed, settle and remind, until cancelled."""
        while True:
            await trio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except (StoreUnavailable, Unavailable, SlackRefused):
                continue  # the next look tries again; the outbox tells what is down

    async def look(self) -> None:
        """One look."""
        await self._conversations.look()
        edits = 0
        known = {one.ref: one for one in (await self._posts.ask("campaign list", {})).campaigns}
        for post in await self._posts.of_kind("card"):
            campaign = known.get(post.about)
            if campaign is None or campaign.state != "active":
                continue  # without an event, only the counters of active campaigns change
            after = await self._card(post.about, post.channel)
            edits += after is not None and after.shown != post.shown
            if edits >= EDITS_AT_ONCE:
                return

    async def overview(self) -> Message:
        """The overview of all campaigns, for the daily digest."""
        found, holds = await self._posts.ask("campaign list", {}), await self._posts.ask("holds", {})
        leads = len((await self._posts.ask("campaign leads", {"most": 100})).leads)
        replies = len((await self._posts.ask("campaign replies", {"most": 100})).replies)
        sources, rows = await self._posts.ask("source list", {}), await self._posts.ask("sync status", {})
        troubles = sync.attention(sources.sources, rows.segments, may_release=True)
        command = self._services.settings.command  # a channel has managers among its readers
        return lists.overview(found.campaigns, holds.holds, command, leads, replies, troubles, is_manager=True)

    async def refresh(self, ref: str) -> None:
        """Bring a campaign's cards up to date, or post them."""
        for channel in await self._routes.of(ref, "changes"):
            await self._card(ref, channel)

    async def _card(self, ref: str, channel: str) -> SlackPost | None:
        """The card in one channel; None for a campaign that is not there any more."""
        async with self._turns.setdefault(f"{channel} {ref}", trio.Lock()):
            try:
                status = await self._posts.ask("campaign status", {"ref": ref})
            except Refused:
                return None
            return await self._posts.put("card", ref, channel, card(status))

    async def _name(self, ref: str) -> str:
        """The name of a campaign; its ref if it is not there any more, "" for none."""
        try:
            return str((await self._posts.ask("campaign show", {"ref": ref})).name) if ref else ""
        except Refused:
            return ref

    async def _because(self, ref: str, at: int) -> str:
        """The reason that a person gave for the act of an event."""
        entries = (await self._posts.ask("log", {"target": ref, "most": 20})).entries
        details = next((one.details for one in entries if one.at == at and isinstance(one.details, dict)), {})
        return str(details.get("because") or "")
