"""What a named person attests of people's consent: its fields in three forms, and what is missing without it, in the
words of what the gate does. What must not live here: rules of law (`domain.statutes`), and what an attestation stores
(`verbs.consent`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluentsd.domain import statutes
from fluentsd.domain.statutes import Need, Purpose
from fluentsd.fronts.slack.blocks.wording import CHANNEL_OPTIONS, channels, safe, word
from fluentsd.fronts.slack.forms.fields import Field
from fluentsd.fronts.slack.forms.kinds import Choice, Date, Many, Text
from fluentsd.fronts.slack.forms.paths import value_at

_BASES = (("written", "written"), ("express", "express"), ("inquiry", "inquiry"), ("customer", "existing customer"))
#: A person in the United States whose state is not known, who gets the strictest rules.
_SOMEWHERE = ("US",)
ANSWERS_FOR_IT = ("The person named answers for it: the statement is kept as each contact's evidence, with who entered "
                  "it and when.")  # fmt: skip


def consent_fields(prefix: str, date: str, *, asked: bool, more: bool = False) -> tuple[Field, ...]:
    """The fields of an attestation below a path; `asked`: there is one, so that only its proof may be left out."""
    bases = _BASES if asked else (("none", "none is attested here"), *_BASES)
    return (
        Field(f"{prefix}.basis", "Kind of consent", Choice(bases, is_written=asked), more=more),
        Field(f"{prefix}.{date}", "Date of the consent", Date(), required=asked, more=more),
        Field(f"{prefix}.scope", "It covers", Many(CHANNEL_OPTIONS), required=asked, more=more),
        Field(f"{prefix}.by", "Confirmed by", Text(120), "The name of the person who answers for it.", required=asked,
              more=more),
        Field(f"{prefix}.scrubbed", "Last scrub against the Do Not Call registry", Date(), more=more),
        Field(f"{prefix}.proof", "Where the proof is kept", Text(500), more=True),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flow:
    """What a campaign asks of the consent of its people: the ids of its steps by channel, in the order of the flow, its
    purpose, and the rules that it waives."""

    steps: Mapping[str, tuple[str, ...]]
    purpose: Purpose = "marketing"
    waived: frozenset[str] = frozenset()

    @classmethod
    def of(cls, file: Mapping[str, Any]) -> Flow:
        """The flow of a campaign file, which may have mistakes."""
        steps: dict[str, tuple[str, ...]] = {}
        for step in _tables(file, "step"):
            channel = str(step.get("channel"))
            steps[channel] = (*steps.get(channel, ()), str(step.get("id")))
        purpose: Purpose = "informational" if value_at(file, "law.purpose") == "informational" else "marketing"
        return cls(steps, purpose, frozenset(str(one.get("rule")) for one in _tables(file, "law.waive")))

    def lacks(self, given: Mapping[str, Any] | None) -> str:
        """What happens to people in the United States of whom this attestation alone is on record; "" if it covers the
        flow. `given`: its basis and scope."""
        basis, scope = str((given or {}).get("basis") or ""), (given or {}).get("scope") or ()
        needs = {channel: need for channel in self.steps if (need := self._need(channel))}
        missing = [one for one, need in needs.items() if one not in scope or basis not in need.bases]
        if not missing:
            return ""
        bases = " or ".join(sorted({word(one) for channel in missing for one in needs[channel].bases}))
        first = safe(self.steps[missing[0]][0], 60)
        return (f"{bases.capitalize()} consent to {channels(missing)} is not confirmed here. People in the US of whom "
                f"none is on record get no {channels(missing)}: they wait before the step `{first}`, and so before all "
                "that follows it, until it is confirmed.")  # fmt: skip

    def covered(self) -> str:
        """What an attestation that lacks nothing means."""
        asked = [channel for channel in self.steps if self._need(channel)]
        free = [channel for channel in self.steps if channel not in asked]
        words = [f"✅ This covers the {channels(asked)} of the flow to people in the US."] if asked else []
        return " ".join([*words, *([f"Before {channels(free)} no consent is asked for."] if free else [])]) or "–"

    def _need(self, channel: str) -> Need | None:
        """The consent that a channel needs in the United States, if its rule is not waived."""
        need = statutes.consent(_SOMEWHERE, channel, self.purpose)
        return need if need is not None and need.rule.id not in self.waived else None


def _tables(file: Mapping[str, Any], path: str) -> list[Mapping[str, Any]]:
    found = value_at(file, path)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
