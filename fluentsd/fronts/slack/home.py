"""The app's home: what is wrong, what needs attention, what runs, what comes next, and drafts to go on with.

It is drawn when a person opens it. What must not live here: wording (`blocks.home`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack.blocks import home as words
from fluentsd.fronts.slack.blocks import sync
from fluentsd.fronts.slack.blocks.layout import Block
from fluentsd.fronts.slack.blocks.wording import by_channel
from fluentsd.fronts.slack.session import Session
from fluentsd.verbs.answers.campaigns import Counted, Status

#: Active campaigns whose next contact is asked for.
ASKED = 8
_DAY = 24 * 3600 * SECOND


async def home(session: Session) -> tuple[Block, Block | None]:
    """The view for `views.publish`, in plain blocks, and with native ones if there is something to chart."""
    campaigns: tuple[Counted, ...] = (await session.run("campaign list", {})).campaigns
    active = [one for one in campaigns if one.state == "active"]
    statuses: list[Status] = [await session.run("campaign status", {"ref": one.ref}) for one in active[:ASKED]]
    sources = (await session.run("source list", {})).sources
    shown = words.Home(
        health=_health(session, await session.run("state", {}), sources),
        holds=(await session.run("holds", {})).holds,
        leads=len((await session.run("campaign leads", {"most": 100})).leads),
        replies=len((await session.run("campaign replies", {"most": 100})).replies),
        campaigns=campaigns,
        active=tuple(statuses),
        edits=(await session.run("campaign edits", {})).edits,
        until=session.now + _DAY,
        is_manager=session.may("manager"),
        command=session.command_name,
        reader=session.person.zone,
        troubles=sync.attention(
            sources, (await session.run("sync status", {})).segments, may_release=session.may("manager")
        ),
    )
    plain, native = words.blocks(shown), words.blocks(shown, native=True)
    return {"type": "home", "blocks": plain}, None if native == plain else {"type": "home", "blocks": native}


#: Parts of the installation as people call them.
_FRONTS: Mapping[str, str] = {"slack": "Slack", "control": "shell", "web": "web"}


def _health(session: Session, state: words.State, sources: Sequence[words.Source]) -> tuple[tuple[str, str], ...]:
    """The parts of the installation, each with its problem, "" if it has none. A way in that works and is not Slack
    concerns nobody who reads this."""
    fronts = {_FRONTS.get(name, name): problem() for name, problem in session.services.runtime.fronts.items()}
    fronts = {name: problem for name, problem in fronts.items() if problem or name == _FRONTS["slack"]}
    channels = dict.fromkeys(map(by_channel, state.channels), "")
    crms = {one.source: one.problem or "" for one in sources}
    down = {f"deliveries to {target}": "they wait until it answers" for target in state.targets_down}
    dead = {f"deliveries to {target}": f"{count} were given up" for target, count in state.dead_letters.items()}
    return tuple({**fronts, **channels, **crms, "database": "", **down, **dead}.items())
