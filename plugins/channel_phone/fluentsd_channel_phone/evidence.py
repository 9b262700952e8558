"""The outcome of a call from the evidence of its conversation. Pure.

A person answered when there is a sign of a person and they said or pressed something. Voicemail takes two signs,
because machine detection is wrong in one call of ten: the provider's, and what was heard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fluentsd.api import Outcome

_GREETING = re.compile(
    r"leave (?:me |us |a |your |his |her )*(?:brief |short |detailed )?(?:message|name|number)|(?:after|at|hear) the "
    r"(?:tone|beep)|(?:is|are|am|'m|'re)(?: not|n't)(?: currently)? available"
    r"|un(?:available|able) to (?:take|answer|come)"
    r"|can(?:'t|not| not) (?:take|answer|get to|come to) (?:your|the|my) ?(?:call|phone)?|voice ?mail|mail ?box"
    r"|voice messag(?:e|ing) (?:system|service)|forwarded to|press pound|record (?:your|a) message"
    r"|dej[ea](?:n|r)? (?:su|tu|un|el) (?:mensaje|nombre|recado)|(?:despu[eé]s|al escuchar|al o[ií]r) (?:de[l ]|el )"
    r"|buz[oó]n de voz|no est[aá] disponible|no puedo (?:contestar|atender)|contestador",
    re.IGNORECASE,
)
#: What a voicemail says beside its greeting, and a person may say too.
_BESIDE = re.compile(
    r"you(?:'ve| have)(?: just)? reached|thank(?:s| you) for calling|missed your call"
    r"|(?:get back to|call) you(?: back)?|return your call|as soon as|(?:trying to|customer you) (?:reach|call)"
    r"|finished (?:recording|your message)"
    r"|(?:to|may|or) hang up|press (?:one|1|star|the)|more options|re-?record"
    r"|(?:ha llamado|comunicado) (?:a|con) |gracias por llamar|(?:su|tu) llamada|lo antes posible|(?:marque|pulse) ",
    re.IGNORECASE,
)
#: The whole of a turn at the end of a greeting: thanks, a farewell, a beep, digits.
_TAIL = re.compile(
    r"(?:thank you|thanks|good ?bye|bye|have a \w+ \w+|beep|tone|gracias|adi[oó]s|[\d\s().,!+-])+", re.IGNORECASE
)


def is_greeting(text: str) -> bool:
    """Whether this is what a voicemail says, in English or Spanish."""
    return _GREETING.search(text.replace("\u2019", "'")) is not None


@dataclass(frozen=True, slots=True)
class _Turn:
    """What was said in one turn; `waited`: the agent was heard out before it, which a recording never does."""

    text: str
    waited: bool


@dataclass(slots=True)
class Evidence:
    """What a call has shown so far. `answered_by` is the provider's detection, "" when there was none."""

    answered_by: str = ""
    keys: int = 0
    opted_out: str = ""  #: how the person asked, "" if they did not
    failed: str = ""  #: what of ours failed
    left_message: bool = False
    _turns: list[_Turn] = field(default_factory=list)

    def hear(self, text: str, *, waited: bool = False) -> None:
        """Add what was said; `waited` says that the agent was heard out since the turn before."""
        self._turns.append(_Turn(text.replace("\u2019", "'"), waited))

    @property
    def turns(self) -> int:
        """What was heard, by a person or a machine."""
        return len(self._turns)

    @property
    def greetings(self) -> int:
        """Turns that belong to a voicemail's greeting, which a provider cuts at its pauses. What is said before the
        agent was heard out is one text: with a greeting in it, all of it is, except a question."""
        later = next((n for n, turn in enumerate(self._turns) if n and turn.waited), len(self._turns))
        opening = [turn.text for turn in self._turns[:later]]
        is_recording = is_greeting(" ".join(opening))
        count = sum(is_recording and (is_greeting(text) or text.rstrip()[-1:] != "?") for text in opening)
        count += sum(not is_recording and self._is_beside(text, heard=False) for text in opening)
        for turn in self._turns[later:]:
            count += is_greeting(turn.text) or self._is_beside(turn.text, heard=count > 0)
        return count

    def _is_beside(self, text: str, *, heard: bool) -> bool:
        """Whether a turn goes with a greeting that was `heard`, or with the provider's detection of a machine."""
        return bool((heard or self.says_machine) and _BESIDE.search(text)) or bool(heard and _TAIL.fullmatch(text))

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
        heard = "only a voicemail greeting was heard" if self.greetings else "nobody spoke"
        return Outcome.no_answer, f"picked up, {self._detected()}, and {heard}"

    def _detected(self) -> str:
        return f"detected as {self.answered_by}" if self.answered_by else "not detected"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
