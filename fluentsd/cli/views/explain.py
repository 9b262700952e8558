"""Prints the answers that explain decisions: the launch check, `why`, the totals by reason, the forecast.

Each begins with one sentence, then prints the evidence. What must not live here: answers to verbs that change
something (`campaigns`, `contacts`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fluentsd.cli.format import STYLES, money, people, when
from fluentsd.cli.suggestions import fix
from fluentsd.domain.time.zones import zone as zone_named
from fluentsd.verbs.answers.explain import (
    Ahead,
    Check,
    Explained,
    Forecast,
    Law,
    OptOuts,
    Sample,
    StepCheck,
    Totals,
    Why,
)
from fluentsd.verbs.answers.suggestion import Suggestion

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

#: Days in the chart of a forecast; later days are one line.
DAYS_SHOWN = 21


def why(screen: Screen, answer: Why) -> None:
    """One sentence for each campaign, then its evidence."""
    if answer.sentence is not None:
        screen.say(f"{answer.person}: {answer.sentence}")
    for found in answer.campaigns:
        screen.say(f"{found.campaign} ({found.state}): {found.sentence}", STYLES.get(found.state, ""))
        for name, value in _evidence(found).items():
            if value:
                screen.say(f"    {name}: {value}")


def _evidence(found: Explained) -> dict[str, str]:
    law = found.law or Law()
    place = f"{found.zone_basis}{'; the facts disagree, so all of them count' if found.conflict else ''}"
    if found.zone_is_fallback:
        place = "the campaign's fallback zone, because the person's zone is unknown"
    rule, zone = found.rule or found.reason, found.zones[0] if found.zones else ""
    return {
        "step": f"{found.step} by {found.channel}",
        "next": when(found.next_at, zone),
        "ended": when(found.at, zone),
        "rule": f"{rule} in {found.rule_zone}" if found.rule_zone else rule,
        "says": law.says,
        "source": f"{law.cite} ({law.status})" if law.cite else "",
        "clock": ", ".join(found.clock) or "unknown zone",
        "zone from": place,
        "states": ", ".join(found.states),
        "consent": found.consent.replace(",", ", ").replace(":", " "),
    }


def totals(screen: Screen, answer: Totals) -> None:
    """The people of a campaign, counted by reason."""
    screen.table(
        ["#People", "State", "Reason", "Why"],
        [[r.people, r.state, r.reason, r.sentence] for r in answer.reasons],
    )
    screen.say(f"sum {sum(r.people for r in answer.reasons)}, Total {answer.total}")


def lines(
    screen: Screen,
    warnings: Sequence[str],
    notes: Sequence[str],
    suggestions: Mapping[str, Suggestion],
    errors: Sequence[str] = (),
) -> None:
    """Errors, warnings and notes of a launch check, with the commands that help."""
    for line in errors:
        screen.say(f"error    {line}{fix(suggestions.get(line))}", "red")
    for line in warnings:
        screen.say(f"warning  {line}{fix(suggestions.get(line))}", "yellow")
    for line in notes:
        screen.say(f"note     {line}")


def check(screen: Screen, answer: Check) -> None:
    """The ready and excluded people by step, samples, the forecast, then errors, warnings and duties."""
    screen.say(f"{answer.name} ({answer.ref}): {_reach(answer)}",
               "green" if answer.ready and not answer.errors else "red")  # fmt: skip
    if answer.out:
        screen.table(
            ["#People", "Reason for no contact", "Rule"],
            [[o.people, o.sentence, o.rule] for o in answer.out],
        )
    screen.table(
        ["Step", "#Reach it", "#Stop before", "#Do not", "Why not"],
        [[s.step, s.people.get("ready", 0), _before(answer, s), sum(_others(s).values()), _counted(_others(s))]
         for s in answer.steps],
    )  # fmt: skip
    if answer.opt_outs.people:
        screen.say(f"opt-outs: {_opt_outs(answer.opt_outs)}")
    _samples(screen, answer.samples)
    if ahead := answer.forecast:
        prices = (money(c.money_micros, c.currency) for c in ahead.channels)
        cost = " + ".join(price for price in prices if price)
        screen.say(f"forecast: {_contacts(ahead)}; {_finish(ahead)}{f'; {cost}' if cost else ''}")
        screen.say(f"          {ahead.bottleneck.sentence}")
        if ahead.follow_ups:
            screen.say(f"          {follow_ups(ahead)}")
    lines(screen, answer.warnings, answer.notes, answer.suggestions, answer.errors)
    if answer.duties:
        screen.say(f"duties for you to check, in the states of these people (rules of {answer.rules_version}):")
        for duty in answer.duties:
            screen.say(f"  [ ] {duty.says} ({duty.cite}, {duty.status})")
    if not answer.errors:
        asks = " --yes" if answer.warnings else ""
        screen.say(f"next: fluentsd forecast {answer.ref}, then fluentsd campaign start {answer.ref}{asks}")


def _reach(answer: Check) -> str:
    """The headline of a check: who reaches the first step; of a campaign under way, who still reaches one."""
    people, first = answer.people, answer.first_step
    if answer.started_at is not None:
        return f"{answer.ready:,} of {people:,} people under way still reach a step"
    others = {("is held there", "are held there"): first.held, ("skips it", "skip it"): first.skip,
              ("leaves there", "leave there"): first.leave}  # fmt: skip
    tail = "".join(f", {_do(count, *words)}" for words, count in others.items() if count)
    return f"{first.ready:,} of {people:,} people reach step 1 ({first.step}, {first.channel}){tail}"


def _do(count: int, one: str, several: str) -> str:
    """A number of people with what they do: "1 leaves", "2 leave"."""
    return f"{count:,} {one if count == 1 else several}"


def _opt_outs(found: OptOuts) -> str:
    """The people of the campaign who are on the suppression list, by channel and by where they came from."""
    channels = ", ".join(f"{n:,} for {'every channel' if name == '*' else name}" for name, n in found.channels.items())
    people = f"{found.people:,} {'person is' if found.people == 1 else 'people are'} on the suppression list"
    return f"{people} ({channels})" + (f", {found.by_list:,} by a column of their list" if found.by_list else "")


def _before(answer: Check, step: StepCheck) -> int | None:
    """People who stop at an earlier step; not known once people are at different steps."""
    return answer.people - sum(step.people.values()) if answer.started_at is None else None


def _others(step: StepCheck) -> dict[str, int]:
    return {reason: people for reason, people in step.people.items() if reason != "ready"}


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items())


#: Eight heights of a bar, from nothing to the busiest hour.
_BARS = " ▁▂▃▄▅▆▇█"


def forecast(screen: Screen, answer: Forecast) -> None:
    """The finish date, the load by hour, outcomes, cost, excluded people, and the assumptions."""
    screen.say(f"{answer.name} ({answer.ref}): {_contacts(answer)} with {people(answer.people)}; "
               f"{_finish(answer)}", "green")  # fmt: skip
    screen.say(f"bottleneck: {answer.bottleneck.sentence}")
    if answer.follow_ups:
        screen.say(follow_ups(answer))
    _chart(screen, answer)
    outcomes = list(dict.fromkeys(o for step in answer.steps for o in step.outcomes))
    screen.table(
        ["Step", "#Contacts", *(f"#{o}" for o in outcomes)],
        [[s.step, s.contacts, *(s.outcomes.get(o) for o in outcomes)] for s in answer.steps],
    )
    screen.table(
        ["Channel", "#Contacts", "#Minutes", "Cost"],
        [
            [c.channel, c.contacts, c.minutes or "", money(c.money_micros, c.currency) or "not priced"]
            for c in answer.channels
        ],
    )
    if answer.numbers:
        screen.table(["Caller ID", "#Uses"], [[n.number, n.uses] for n in answer.numbers])
    _ends(screen, answer)
    if answer.first:
        screen.table(
            ["@First contacts", "To", "Step", "Channel", "From"],
            [[when(e.at, answer.zone), e.to, e.step, e.channel, e.sender] for e in answer.first],
        )
    _samples(screen, answer.samples)
    for assumed in answer.assumed:
        shares = ", ".join(f"{outcome} {share:.0%}" for outcome, share in assumed.shares.items() if share >= 0.005)
        basis = (
            f"from {assumed.counted:,} contacts here" if assumed.counted else "assumed, because there is no history yet"
        )
        screen.say(f"{assumed.channel}: {shares} ({basis})", "dim")


def follow_ups(answer: Ahead) -> str:
    """What follows calls, which no other figure counts."""
    counts = ", ".join(
        f"{one.step} up to {one.people:,}" if one.people is not None else f"{one.step} as the analysis says"
        for one in answer.follow_ups
    )
    return f"not counted above, follow-ups after calls: {counts}"


def _contacts(answer: Ahead) -> str:
    return f"{answer.contacts:,} contact{'' if answer.contacts == 1 else 's'}"


def _finish(answer: Ahead) -> str:
    early, late, zone = answer.finish_early_at, answer.finish_late_at, answer.zone
    if early is None:
        return f"{people(answer.waiting)} still wait at its end on {when(answer.until_at, zone)}"
    if late is None:
        return f"finished on {when(early, zone)} at the earliest, perhaps only after {when(answer.until_at, zone)}"
    if early == late:
        return f"finished on {when(early, zone)}"
    return f"finished between {when(early, zone)} and {when(late, zone)}"


def _chart(screen: Screen, answer: Forecast) -> None:
    """Contacts by hour, one line per day in the campaign's zone."""
    days: dict[dt.date, list[int]] = {}
    for load in answer.load.values():
        for hour, count in enumerate(load):
            if count:
                at = dt.datetime.fromtimestamp(answer.load_from / 1_000_000 + 3600 * hour, dt.UTC)
                moment = at.astimezone(zone_named(answer.zone))
                days.setdefault(moment.date(), [0] * 24)[moment.hour] += count
    if not days:
        return
    most = max(max(hours) for hours in days.values())
    screen.say(f"contacts by hour, at most {most:,} (on {when(answer.peak_at, answer.zone)})")
    screen.say(f"{'':10} 0     6     12    18    24")
    for day in sorted(days)[:DAYS_SHOWN]:
        bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in days[day])
        screen.say(f"{day:%a %d %b} {bars} {sum(days[day]):>8,}")
    if len(days) > DAYS_SHOWN:
        rest = sum(sum(days[day]) for day in sorted(days)[DAYS_SHOWN:])
        screen.say(f"{len(days) - DAYS_SHOWN} more days with {rest:,} contacts; to see all: --json")


def _ends(screen: Screen, answer: Forecast) -> None:
    ends = [_do(answer.completed, "completes the flow", "complete the flow")]
    ends += [f"{_do(people, 'leaves', 'leave')}: {reason}" for reason, people in answer.exited.items()]
    ends += [f"{_do(people, 'ends', 'end')} in error: {reason}" for reason, people in answer.errored.items()]
    screen.say("; ".join(ends))
    for held in answer.held:
        screen.say(f"{_do(held.people, 'is', 'are')} not contacted: {held.sentence}", "yellow")
    for skip in answer.skips:
        screen.say(f"{_do(skip.people, 'skips', 'skip')} {skip.step}: {skip.sentence}")


def _samples(screen: Screen, samples: Mapping[str, Sample]) -> None:
    """One rendered message per step."""
    for step, sample in samples.items():
        agent = f"agent {sample.agent}" if sample.agent else ""
        shown = " ".join(" · ".join(filter(None, (sample.subject, sample.text, agent))).split())
        screen.say(f"{step} to {sample.to}: {shown[:200]}", "dim")
