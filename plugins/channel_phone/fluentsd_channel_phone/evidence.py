"""The outcome of a call from the evidence of its conversation. Pure.

A person answered when there is a sign of a person and they said or pressed something. Voicemail takes two signs,
because machine detection is wrong in one call of ten: the provider's, and what was heard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fluentsd.api import Outcome

_GREETING = re.compile(
    r"leave (?:me |us |a |your |his |her )*(?:brief |short |detailed )?(?:message|name|number)|(?:after|at|hear) the "
    r"(?:tone|beep)|(?:is|are|am|'m|'re) not available|un(?:available|able) to (?:take|answer|come)|can(?:'t|not| not) "
    r"(?:take|answer|get to|come to) (?:your|the|my) ?(?:call|phone)?|voice ?mail|mail ?box|forwarded to|press pound|"
    r"dej[ea](?:n|r)? (?:su|tu|un|el) (?:mensaje|nombre|recado)|(?:despu[eé]s|al escuchar|al o[ií]r) (?:de[l ]|el )"
    r"|buz[oó]n de voz|no est[aá] disponible|no puedo (?:contestar|atender)|contestador",
    re.IGNORECASE,
)


def is_greeting(text: str) -> bool:
    """Whether this is what a voicemail says, in English or Spanish."""
    return _GREETING.search(text) is not None


@dataclass(slots=True)
class Evidence:
    """What a call has shown so far. `answered_by` is the provider's detection, "" when there was none."""

    answered_by: str = ""
    turns: int = 0  #: of the person
    greetings: int = 0  #: turns that sound like a voicemail's
    keys: int = 0
    opted_out: str = ""  #: how the person asked, "" if they did not
    failed: str = ""  #: what of ours failed
    left_message: bool = False

    @property
    def says_machine(self) -> bool:
        """Whether the provider detected a machine."""
        return self.answered_by.startswith("machine") or self.answered_by == "fax"

    @property
    def spoke(self) -> int:
        """Signs of life of a person: turns that are no voicemail greeting, and keys."""
        return self.turns - self.greetings + self.keys

    @property
    def is_voicemail(self) -> bool:
        """Two signs: the provider's and nothing said by a person; or a greeting and nothing else."""
        if self.spoke:
            return False
        return self.says_machine or (self.greetings > 0 and self.answered_by != "human")

    def outcome(self) -> tuple[Outcome, str]:
        """The outcome, and the evidence for it in words."""
        if self.opted_out:
            return Outcome.opted_out, self.opted_out
        if self.failed and not self.is_voicemail:
            return Outcome.agent_error, self.failed
        if self.is_voicemail:
            heard = "a voicemail greeting was heard" if self.greetings else "nobody spoke"
            left = ", a message was left" if self.left_message else ""
            return Outcome.voicemail, f"{self._detected()}, {heard}{left}"
        if self.spoke:
            keys = f" and {_many(self.keys, 'key')}" if self.keys else ""
            return Outcome.answered, f"{self._detected()}, {_many(self.turns, 'turn')}{keys} of the person"
        return Outcome.no_answer, f"picked up, {self._detected()}, and nobody spoke"

    def _detected(self) -> str:
        return f"detected as {self.answered_by}" if self.answered_by else "not detected"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
