"""The outcome of an attempt, and whose fault a failure is. What must not live here: what follows (`domain.flow`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

#: The cause of a failed delivery: the person (a full mailbox, a phone that is off) · the message (a carrier or server
#: filters or blocks the content) · the sender (the caller ID is not registered or not allowed). Only "person" counts
#: towards "unreachable"; the others count towards breakers.
Fault = Literal["person", "message", "sender"]


class Outcome(StrEnum):
    """How an attempt ended. Later evidence may make one more precise (sent → delivered), never less."""

    answered = "answered"  #: a person spoke on the phone
    voicemail = "voicemail"  #: a machine answered
    no_answer = "no_answer"  #: it rang without an answer
    busy = "busy"
    failed = "failed"  #: the provider proved it did not arrive
    sent = "sent"  #: the provider accepted it; where SMS and e-mail steps end
    delivered = "delivered"
    bounced = "bounced"
    replied = "replied"  #: the person wrote back
    opted_out = "opted_out"  #: the person asked us to stop
    agent_error = "agent_error"  #: the call was picked up, and our agent failed
    unknown = "unknown"  #: the outcome cannot be proved; counts as made
    not_sent = "not_sent"  #: the call to the provider never began, or it accepted nothing; counts as not made
