"""The review of a campaign file: values that are legal but can never mean what was meant.

`campaign apply` refuses the errors, so that a file that can never work is not stored; a stored campaign is never
reviewed when it is read. Warnings are shown by `apply` and by the launch check. What must not live here: the shape of
the file (`campaign`), and anything about people (`engine.explain.launch_check`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from fluentsd.api import Kind, Outcome
from fluentsd.domain.campaign import CampaignFile, Step
from fluentsd.domain.message_parts import TEXTS
from fluentsd.domain.time.hours import DAY_MINUTES, Hours
from fluentsd.domain.time.zones import year_offsets

#: Outcomes that a step of each channel can have.
POSSIBLE: dict[Kind, frozenset[str]] = {
    "phone": frozenset(Outcome) - {Outcome.sent, Outcome.delivered, Outcome.bounced},
    "sms": frozenset(Outcome) - {Outcome.voicemail, Outcome.no_answer, Outcome.busy, Outcome.agent_error},
    "email": frozenset(Outcome) - {Outcome.voicemail, Outcome.no_answer, Outcome.busy, Outcome.agent_error},
}
#: Outcomes of other products that are not measured here.
_UNMEASURED = ("open", "opened", "click", "clicked", "read", "seen", "viewed")
_OF = r"(?:last|steps\.(?P<dot>[a-z0-9_-]+)|steps\[\s*['\"](?P<key>[^'\"]+)['\"]\s*\])\.outcome"
_COMPARED = re.compile(rf"{_OF}\s*(?:==|!=|<>|contains)\s*(?P<quote>['\"])(?P<word>.*?)(?P=quote)")
_BACKWARDS = re.compile(rf"(?P<quote>['\"])(?P<word>[^'\"]*)(?P=quote)\s*(?:==|!=|<>)\s*{_OF}")
#: Merge fields of other products, which would be sent as they are.
_FOREIGN = re.compile(
    r"\[\[?\s*[A-Za-z][A-Za-z0-9]*(?:[ _.-][A-Za-z0-9]+){0,3}\s*\]\]?(?!\()"  # [First Name], [[name]], no link
    r"|(?<![\d%])%[A-Za-z][A-Za-z0-9_]{1,30}%(?!\d)|%%[A-Za-z_]{2,30}%%|#[A-Z][A-Z_]{2,20}#|\*\|[A-Za-z0-9_:]+\|\*"
    r"|<<\s*\w+\s*>>|<(?:[Ff]irst|[Ll]ast|[Ff]ull|[Cc]ompany|[Yy]our)[ _-]?[A-Za-z]*>"
    r"|\$\{\w+\}|\{!\s*\w+(?:\.\w+)*\s*\}|(?<![{%$])\{\s*[A-Za-z]\w*(?:[ .|-]\w+)+\s*\}(?![}%])"  # {name} is a field
)
#: Letters that look like a zone with summer time and are not one.
_MEANT = {"EST": "America/New_York", "MST": "America/Denver", "HST": "Pacific/Honolulu", "CST": "America/Chicago"}


@dataclass(frozen=True, slots=True)
class Review:
    """The findings, one sentence each."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def review(spec: CampaignFile) -> Review:
    """The findings about a campaign file."""
    errors, warnings = list[str](), list[str]()
    for place, condition, before in _conditions(spec):
        for problem, is_error in _condition(condition, spec, before):
            (errors if is_error else warnings).append(f"{place}: {problem}")
    for step in spec.step:
        warnings += [f"step {step.id}: {words}" for words in _texts(step)]
    warnings += _hours(spec)
    warnings += _zones(spec)
    return Review(tuple(dict.fromkeys(errors)), tuple(dict.fromkeys(warnings)))


def _conditions(spec: CampaignFile) -> Iterator[tuple[str, str, list[Step]]]:
    """Each condition with its place and the steps before it."""
    for index, step in enumerate(spec.step):
        if step.when:
            yield f"step {step.id}: when", step.when, spec.step[:index]
    if spec.exit.goal:
        yield "exit.goal", spec.exit.goal, spec.step


def _condition(text: str, spec: CampaignFile, before: list[Step]) -> Iterator[tuple[str, bool]]:
    """Problems of one condition, each with whether it is an error."""
    steps = {step.id: step for step in spec.step}
    for match in (*_COMPARED.finditer(text), *_BACKWARDS.finditer(text)):
        word, of = match["word"], match["dot"] or match["key"]
        if of is not None and of not in steps:
            yield f"there is no step {of!r}{_hint(of, list(steps))}", True
            continue
        if word and word not in set(Outcome):
            yield f"{word!r} is not an outcome{_meant(word)}", True
            continue
        asked = [steps[of]] if of is not None else before
        if of is not None and steps[of] not in before:
            yield f"{of} comes later, so it has no outcome yet", False
        elif not asked:
            yield "this is the first step, so no step has an outcome yet", False
        elif word and not any(word in POSSIBLE[step.channel] for step in asked):
            channels = " or ".join(dict.fromkeys(step.channel for step in asked))
            yield f"a step by {channels} never ends as {word!r}", False


def _meant(word: str) -> str:
    """The outcome that was probably meant, else all of them."""
    if word.casefold() in _UNMEASURED:
        return "; opens and clicks are not measured. To follow up on silence, write last.outcome != 'replied'"
    plain = re.sub(r"[^a-z]+", "_", word.casefold()).strip("_")
    near = [plain] if plain in set(Outcome) else difflib.get_close_matches(plain, list(Outcome), 1, 0.7)
    return f"; did you mean {str(near[0])!r}?" if near else f"; outcomes are {', '.join(Outcome)}"


def _hint(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, 1, 0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known)}"


def _texts(step: Step) -> Iterator[str]:
    """Merge fields of other products in the texts of a step."""
    for part in TEXTS:
        for found in dict.fromkeys(match[0] for match in _FOREIGN.finditer(_without_code(part, getattr(step, part)))):
            if "|" in found and found[0] == "{":
                yield f"{part} has {found}, which is sent as it is; no word is chosen from several"
                continue
            apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", found)
            field = re.sub(r"[^a-z0-9]+", "_", apart.casefold()).strip("_")
            yield f"{part} has {found}, which is sent as it is; for a person's field write {{{{ {field} }}}}"


def _without_code(part: str, text: str) -> str:
    """The text without what only looks like a merge field: style sheets and comments of HTML."""
    return re.sub(r"(?is)<style.*?</style>|<!--.*?-->|<[a-z][^>]*>", " ", text) if part == "html" else text


def _hours(spec: CampaignFile) -> Iterator[str]:
    """Hours that run past midnight."""
    window = spec.window.hours
    named = [("window.hours", text) for text in (window.values() if isinstance(window, dict) else [window])]
    named += [(f"window.override {one.date}", one.hours) for one in spec.window.override]
    named += [(f"step {step.id}: hours", step.hours) for step in spec.step if step.hours]
    for place, text in named:
        for start, end in Hours.parse(text).ranges:
            if end > DAY_MINUTES:
                shown = str(Hours(((start, end),)))
                until = f"until {shown.partition('-')[2]} of the next day"
                yield f"{place}: {shown} runs through the night, {until}; for daytime swap the two"


def _zones(spec: CampaignFile) -> Iterator[str]:
    """Zones that are a fixed offset from UTC, where clocks around them change."""
    for key in ("timezone", "fallback_timezone"):
        name = getattr(spec.window, key)
        if name in (None, "contact", "UTC", "Etc/UTC") or ("/" in name and not name.startswith("Etc/")):
            continue
        offsets = year_offsets(name, 2026)
        if len(offsets) == 1:
            hours = offsets[0][1] / 3_600_000_000
            meant = _MEANT.get(name, "a place, such as America/New_York")
            yield f"window.{key}: {name} is UTC{hours:+g} hours all year, without summer time; write {meant}"
