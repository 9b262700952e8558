"""One request for a verb: who asks, with which role, and the refusal of it. Nothing here imports anything slow, because
the shell needs these values for every command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from fluentsd.verbs.answers.suggestion import Suggestion

Role = Literal["viewer", "operator", "manager", "admin"]
#: Every role, from the least to the most; each may do what the ones before it may.
ROLES: tuple[Role, ...] = get_args(Role)


class Refused(Exception):
    """The verb is not possible; the message has the cause and the fix. Nothing was changed. `suggestion`: the verb that
    helps, which a front words in its own way after the message."""

    def __init__(self, message: str, suggestion: Suggestion | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


class RoleRefused(Refused):
    """The caller has the role `has` and the verb needs the role `needs`; a front that knows its people may say who can
    help."""

    def __init__(self, message: str, needs: Role, has: Role) -> None:
        super().__init__(message)
        self.needs, self.has = needs, has


def identity(actor: str) -> str:
    """The part of an actor that does not change: of a user of Slack the id, without the name behind it."""
    return actor.partition(" ")[0] if actor.startswith("slack:") else actor


@dataclass(frozen=True, slots=True)
class Call:
    """The actor and the time of a request. `request_id` makes a repetition harmless; `revision` is the campaign's
    revision that the actor has seen; `role` is the actor's, given by the front that knows the actor. `hashed` makes the
    hash of the verb and its arguments; `must_own`: the ref of the campaign that the actor has to own. Both are set by
    `execute`."""

    actor: str
    at: int
    request_id: str | None = None
    revision: int | None = None
    hashed: Callable[[], str] | None = None
    role: Role = "viewer"
    must_own: str | None = None

    @property
    def digest(self) -> str | None:
        """The hash of the verb and its arguments, by which a repeated request is told from another act; None without a
        request id. It is made when it is asked for, because a batch of an import asks for none."""
        return None if self.hashed is None else self.hashed()

    def may(self, role: Role) -> bool:
        """Whether the actor has this role or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def owns(self, owner: str) -> bool:
        """Whether the actor may change a campaign of this owner. An admin may change every one, others their own and
        the shared ones, whose owner is a group ("@sales") or nobody ("")."""
        return self.may("admin") or identity(owner) == identity(self.actor) or not owner or owner.startswith("@")
