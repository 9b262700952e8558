"""People of the workspace: name, zone and role. A role comes from user ids and user groups; in doubt there is none.

Guests, bots, deleted users and people of other workspaces are refused. Slack is asked about a user once in five
minutes and about a group once in five minutes, or when Slack says that it has changed. When Slack does not answer, what
was known within the last hour counts. What must not live here: what a role may do (`verbs.catalogue`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import trio

from fluentsd.api import Unavailable
from fluentsd.fronts.slack.blocks.wording import actor
from fluentsd.fronts.slack.interaction import Interaction
from fluentsd.fronts.slack.web_api import SlackRefused, WebApi
from fluentsd.text import clean
from fluentsd.verbs.call import ROLES, Role

#: Seconds for which an answer of Slack is fresh, and for which it counts while Slack does not answer.
FRESH_FOR, COUNTS_FOR = 300.0, 3600.0
T = TypeVar("T")


class NotAllowed(Exception):
    """The person may not use the app; the message says why and what to do. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the workspace. `zone`: an IANA name."""

    id: str
    name: str
    zone: str
    role: Role

    @property
    def actor(self) -> str:
        """As the audit log names the person."""
        return f"slack:{self.id} {self.name}"


@dataclass(slots=True)
class _Known(Generic[T]):
    """Answers of Slack by id, each asked for once at a time."""

    ask: Callable[[str], Awaitable[T]]
    answers: dict[str, tuple[float, T]] = field(default_factory=dict)
    locks: dict[str, trio.Lock] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)

    async def get(self, id_: str) -> T:
        async with self.locks.setdefault(id_, trio.Lock()):
            at, answer = self.answers.get(id_, (float("-inf"), None))
            age = trio.current_time() - at
            if answer is not None and age < FRESH_FOR and id_ not in self.stale:
                return answer
            try:
                found = await self.ask(id_)
            except Unavailable:
                if answer is None or age > COUNTS_FOR or id_ in self.stale:
                    raise
                return answer
            self.stale.discard(id_)
            self.answers[id_] = (trio.current_time(), found)
            return found


class People:
    """Finds the person of an interaction. `roles`: ids of users and groups by role."""

    def __init__(self, api: WebApi, roles: Mapping[str, tuple[str, ...]], log: Any) -> None:
        self._api, self._roles, self._log = api, roles, log
        self._users, self._groups = _Known(self._ask_user), _Known(self._ask_group)

    async def find(self, interaction: Interaction) -> Person:
        """The person. Raises `NotAllowed`."""
        if interaction.foreign:
            raise NotAllowed("people of other workspaces cannot use this app; nothing was changed")
        if not interaction.user:
            raise NotAllowed("Slack does not tell who you are, so nothing was done")
        user = await self.profile(interaction.user)
        if refusal := _refusal(user, interaction.team):
            raise NotAllowed(f"{refusal} cannot use this app; nothing was changed")
        role = await self._role(interaction.user)
        if role is None:
            raise NotAllowed(
                "you have no role here yet; nothing was changed. An admin of fluentsd can give you one: add your id "
                f'"{interaction.user}" or a user group of yours to [slack.roles] in fluentsd.toml'
            )
        return Person(interaction.user, name_of(user), _zone(user), role)

    async def profile(self, user_id: str) -> Mapping[str, Any]:
        """The user as `users.info` shows it. Raises `NotAllowed` when Slack does not say."""
        try:
            return await self._users.get(user_id)
        except Unavailable:
            why = "Slack does not answer who you are, so nothing was done; try again in a minute"
        except SlackRefused as refused:
            self._log.error("slack.refused", error=refused.error, method=refused.method, fix="`fluentsd slack check`")
            why = (f"Slack does not tell who you are ({refused.error}), so nothing was done; an admin can find the "
                   "cause with `fluentsd slack check`")  # fmt: skip
        raise NotAllowed(why)

    def group_changed(self, group_id: str) -> None:
        """Slack says that the members of a group have changed: ask again, and never use the old answer."""
        self._groups.stale.add(group_id)

    def user_changed(self, user_id: str) -> None:
        """Slack says that a user has changed."""
        self._users.stale.add(user_id)

    async def _role(self, user_id: str) -> Role | None:
        """The highest role that names the user or a group of the user. A group that Slack does not tell about gives no
        role; if a higher one might have come from it, the person is told."""
        unknown = ""
        for role in reversed(ROLES):
            ids = self._roles.get(role, ())
            if user_id in ids:
                return role
            for group in (one for one in ids if one.startswith("S")):
                try:
                    if user_id in await self._groups.get(group):
                        return role
                except Unavailable:
                    unknown = "Slack does not answer who is in the user groups"
                except SlackRefused as why:
                    self._log.error("slack.refused", error=why.error, method=why.method, group=group)
                    unknown = f"Slack does not tell who is in the group {group} ({why.error})"
        if unknown:
            raise NotAllowed(f"{unknown}, so your role is not known and nothing was done; try again in a minute")
        return None

    async def _ask_user(self, user_id: str) -> Mapping[str, Any]:
        return dict((await self._api.call("users.info", user=user_id)).get("user") or {})

    async def _ask_group(self, group_id: str) -> frozenset[str]:
        return frozenset((await self._api.call("usergroups.users.list", usergroup=group_id)).get("users") or ())


def _zone(user: Mapping[str, Any]) -> str:
    """The user's zone; UTC if Slack has none, or one that this machine does not know."""
    zone = str(user.get("tz") or "UTC")
    try:
        return ZoneInfo(zone).key
    except (ValueError, OSError, KeyError):
        return "UTC"


def _refusal(user: Mapping[str, Any], team: str) -> str:
    """Which kind of user this is that may not use the app; "" for a member of the workspace."""
    if user.get("deleted"):
        return "deactivated users"
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "guests"
    if user.get("is_bot") or user.get("is_workflow_bot"):
        return "bots"
    theirs = user.get("team_id")
    enterprise = user.get("enterprise_user") or {}
    if user.get("is_stranger") or (theirs and team and theirs != team and team not in (enterprise.get("teams") or ())):
        return "people of other workspaces"
    return ""


def name_of(user: Mapping[str, Any]) -> str:
    """The name that Slack shows for a user, at most 60 characters."""
    profile = user.get("profile") or {}
    name = profile.get("display_name") or profile.get("real_name") or user.get("real_name") or user.get("name") or ""
    return clean(" ".join(str(name).split()), 60)


def user_of(actor: str) -> str:
    """The id of the user of Slack who is this actor or owner; "" for anybody else."""
    name = actor.partition(" ")[0]
    return name.removeprefix("slack:") if name.startswith("slack:") else ""


class Owners:
    """Mentions of campaigns' owners. What belongs to a deactivated user is the admins' business."""

    def __init__(self, people: People, roles: Mapping[str, tuple[str, ...]]) -> None:
        self._people, self._admins = people, roles.get("admin", ())

    async def mention(self, owner: str) -> str:
        """Who sees to a campaign, as mrkdwn. While Slack does not tell of the owner, the owner."""
        user = user_of(owner)
        if not user:
            return actor(owner)
        try:
            is_gone = bool((await self._people.profile(user)).get("deleted"))
        except NotAllowed:
            is_gone = False
        if not is_gone or not self._admins:
            return actor(owner)
        admins = " ".join(f"<!subteam^{one}>" if one.startswith("S") else f"<@{one}>" for one in self._admins[:5])
        return f"{admins} (the owner is deactivated)"
