"""Cards of people with whom somebody has to deal: replies, and hot leads. Each stays open until it is handled, on
whatever front, and its owner is reminded once, after an hour in which the campaign's contact window was open.

What must not live here: the words (`blocks.conversations`), and what a click does (`clicks`).
"""

from __future__ import annotations

from collections.abc import Mapping

from fluentsd.domain.leads import HOT
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.outbox.targets import Posted
from fluentsd.fronts.slack.blocks import conversations as words
from fluentsd.fronts.slack.blocks.layout import Message
from fluentsd.fronts.slack.people import Owners
from fluentsd.fronts.slack.posting import Posts
from fluentsd.fronts.slack.routes import Routes
from fluentsd.fronts.slack.session import Services
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.verbs import queries
from fluentsd.verbs.answers.people import Lead, Reply
from fluentsd.verbs.queries import Handled
from fluentsd.verbs.slack_posts import SETTLED, SlackPost

KINDS: Mapping[str, str] = {"reply.received": "reply", "call.analysed": "lead", "call.received": "lead"}
#: Kind → the verb that lists what is open, and the name of its list.
_OPEN: Mapping[str, tuple[str, str]] = {
    "reply": ("campaign replies", "replies"), "lead": ("campaign leads", "leads"),
}  # fmt: skip


#: How long a card of what is handled follows when that is undone.
UNDONE_WITHIN = 24 * 3600 * SECOND
#: Open replies, and open leads, that are looked at when cards are drawn again.
REDRAWN = 1000


class Conversations:
    """The cards of replies and leads."""

    def __init__(self, services: Services, posts: Posts, routes: Routes, owners: Owners) -> None:
        self._services, self._posts, self._routes, self._owners = services, posts, routes, owners

    async def channels(self, event: Posted) -> list[str]:
        """The channels that show an event; none for a call that is no hot lead."""
        kind = KINDS[event.topic]
        if kind == "lead" and event.payload["disposition"] not in HOT:
            return []
        return await self._routes.of(str(event.payload["campaign"]), _OPEN[kind][1])

    async def show(self, event: Posted, channel: str) -> None:
        """A card for an event; none once it is handled."""
        kind, about = KINDS[event.topic], str(event.payload.get("attempt") or event.payload["call"])
        one = await self._open_one(kind, about)
        if one is not None:
            remind_at = await queries.business_hour_after(self._services.runtime, str(one.ref), event.at)
            await self._posts.put(kind, about, channel, await self._card(kind, one), remind_at=remind_at)

    async def refresh(self) -> None:
        """Draw the open cards again: a person was taken over or given back, or a campaign has another owner."""
        for kind, (verb, name) in _OPEN.items():
            found: tuple[Reply | Lead, ...] = getattr(await self._posts.ask(verb, {"most": REDRAWN}), name)
            by_attempt = {one.attempt: one for one in found}
            for post in await self._posts.of_kind(kind):
                if (one := by_attempt.get(post.about)) is not None:
                    await self._posts.put(kind, post.about, post.channel, await self._card(kind, one))

    async def look(self) -> None:
        """Settle the cards of what is handled, and remind of what is not."""
        now, posts = self._services.runtime.clock.now(), [p for kind in _OPEN for p in await self._posts.of_kind(kind)]
        if not posts:
            return
        settled = await queries.settled(self._services.runtime, {post.about for post in posts})
        for post in posts:
            try:
                if post.about in settled:
                    await self._settle(post, settled[post.about], now)
                elif post.shown == SETTLED:
                    await self._open_again(post)
                elif post.remind_at is not None and post.remind_at <= now:
                    await self._remind(post)
            except SlackRefused as why:
                self._services.log.warning("slack.refused", error=why.error, method=why.method)

    async def _settle(self, post: SlackPost, handled: Handled | None, now: int) -> None:
        """Show who has dealt with it, and keep the card for a while, because that may be undone."""
        if post.shown != SETTLED:
            undo = words.open_again(handled.ref, handled.contact, post.about) if handled and handled.ref else None
            await self._posts.edit(post, words.settled(post.kind, handled.by if handled else "", undo))
            await self._posts.settled(post)
        elif handled is None or now - post.updated_at > UNDONE_WITHIN:
            await self._posts.forget(post)

    async def _open_again(self, post: SlackPost) -> None:
        """The card as it was: what was marked as handled is not."""
        one = await self._open_one(post.kind, post.about)
        if one is not None:
            await self._posts.put(post.kind, post.about, post.channel, await self._card(post.kind, one))

    async def _remind(self, post: SlackPost) -> None:
        """Once; nobody is reminded of a person whom a colleague has taken over."""
        await self._posts.reminded(post)
        one = await self._open_one(post.kind, post.about)
        if one is not None and not one.taken_over_by:
            await self._posts.below(post, words.reminder(post.kind, one, await self._owners.mention(one.owner or "")))

    async def _open_one(self, kind: str, attempt: str) -> Reply | Lead | None:
        verb, name = _OPEN[kind]
        found: tuple[Reply | Lead, ...] = getattr(await self._posts.ask(verb, {"attempt": attempt}), name)
        return found[-1] if found else None

    async def _card(self, kind: str, one: Reply | Lead) -> Message:
        mention = await self._owners.mention(one.owner or "")
        return words.lead(one, mention) if isinstance(one, Lead) else words.reply(one, mention)
