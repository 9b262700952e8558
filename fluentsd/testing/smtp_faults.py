"""Scripted faults of the SMTP sink: where in a session one strikes, and what it does.

What must not live here: the server (`smtp_sink`) and its sessions (`smtp_session`), which both import this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """The phase of a session in which a fault strikes."""

    connect = "connect"  #: instead of the greeting
    ehlo = "ehlo"
    mail = "mail"
    rcpt = "rcpt"
    data = "data"  #: instead of "go ahead"
    body = "body"  #: after the first line of the message, before the final dot
    dot = "dot"  #: after the final dot


@dataclass(slots=True)
class SinkFault:
    """One scripted fault: wait `slow` seconds, then drop the connection or send `answer`.

    `to` limits it to one recipient (phase rcpt); `left` is how often it still strikes, None for always. At `dot`,
    `keep` stores the message in spite of the drop or the answer.
    """

    phase: Phase
    answer: str = ""
    drop: bool = False
    slow: float = 0.0
    keep: bool = False
    to: str | None = None
    left: int | None = None
