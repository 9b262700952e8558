"""One interaction being answered: its person, and the verbs in the person's name. Shared by commands and views.

Every verb runs through `execute` with the person's role, so the check of a role is in one place, and the audit log
names the person. What must not live here: the meaning of commands (`commands`), and the choice among them (`router`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fluentsd.config import SlackSettings
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.slack.identity import Identity
from fluentsd.fronts.slack.interaction import Interaction
from fluentsd.fronts.slack.jobs import Jobs
from fluentsd.fronts.slack.native_blocks import Natives
from fluentsd.fronts.slack.people import People, Person
from fluentsd.fronts.slack.routes import Routes
from fluentsd.fronts.slack.web_api import WebApi
from fluentsd.fronts.slack.wizard.memory import Memory
from fluentsd.fronts.slack.words import Named
from fluentsd.verbs import Call, RoleRefused
from fluentsd.verbs.answers.by_verb import ANSWERS
from fluentsd.verbs.answers.codec import typed
from fluentsd.verbs.call import Role
from fluentsd.verbs.execute import execute


@dataclass(frozen=True, slots=True)
class Services:
    """What the front works with."""

    runtime: Runtime
    settings: SlackSettings
    api: WebApi
    identity: Identity
    people: People
    jobs: Jobs
    wizard: Memory
    routes: Routes
    natives: Natives
    log: Any


@dataclass(frozen=True, slots=True)
class Session:
    """One interaction of one person. `command_name`: the slash command as it was typed."""

    services: Services
    interaction: Interaction
    person: Person

    @property
    def now(self) -> int:
        return self.services.runtime.clock.now()

    @property
    def command_name(self) -> str:
        """The slash command as it is installed, for usages."""
        typed_name = self.interaction.name if self.interaction.kind == "command" else ""
        return typed_name or self.services.settings.command

    @property
    def is_private(self) -> bool:
        """Whether only this person reads the answer: a direct message with the app."""
        return self.interaction.channel.startswith("D")

    def may(self, role: Role) -> bool:
        """Whether the person has this role or a higher one; `execute` checks it again."""
        return Call(self.person.actor, self.now, role=self.person.role).may(role)

    def need(self, role: Role) -> None:
        """Refuse at once what the person may not do in the end, before a form is filled in. Raises `RoleRefused`."""
        has = self.person.role
        if not self.may(role):
            raise RoleRefused(f"this needs the role {role}, and yours is {has}; nothing was changed", role, has)

    async def run(
        self, verb: str, arguments: Mapping[str, Any], *, revision: int | None = None, repeatable: bool = True
    ) -> Any:
        """The answer of a verb, as its class where it has one. Raises `Refused`. A repetition of the interaction gets
        the stored answer, if it is `repeatable`."""
        request_id = self.interaction.request_id if repeatable else None
        call = Call(self.person.actor, self.now, request_id, revision, role=self.person.role)
        return typed(ANSWERS, verb, await execute(self.services.runtime, verb, arguments, call))

    def again(self, part: str) -> Session:
        """The same interaction for a further change: each change of one click has a request id of its own."""
        return replace(self, interaction=replace(self.interaction, key=f"{self.interaction.key} {part}"))

    async def zone_of(self, ref: str) -> str:
        """The zone in which a campaign's moments are meant: its own, or the reader's if each contact has its own."""
        window = (await self.run("campaign show", {"ref": ref})).file.get("window", {})
        zone = str(window.get("timezone") or "contact")
        return self.person.zone if zone == "contact" else zone

    async def campaigns(self) -> list[Named]:
        """The campaigns as people may call them, and those that are begun and not complete yet (without an id)."""
        found = await self.run("campaign list", {})
        begun = await self.run("campaign edits", {})
        named = [Named(one.id, one.ref, one.name, one.state) for one in found.campaigns]
        return [*named, *(Named(0, one.ref, one.name) for one in begun.edits if not one.state)]
