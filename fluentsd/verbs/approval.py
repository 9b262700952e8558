"""The rule about second approvals: from how many people on a start needs one, and who may give it."""

from __future__ import annotations

from dataclasses import dataclass

from fluentsd.verbs.call import Call, identity


@dataclass(frozen=True, slots=True)
class SecondApproval:
    """A start with more people than `above` needs one of the `approvers` (identities of actors) who is not its own
    requester. On the shell an admin may approve too, because a user of the machine can change the settings."""

    above: int
    approvers: tuple[str, ...]

    def may_approve(self, call: Call) -> bool:
        """Whether the actor of this call may approve."""
        who = identity(call.actor)
        return who in self.approvers or (not who.startswith("slack:") and call.may("admin"))
