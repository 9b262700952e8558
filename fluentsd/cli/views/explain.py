"""How the answers that explain look: the launch check, why, the totals by reason, the forecast.

Each begins with its one sentence and goes on to the evidence. What must not live here: the acts (`views`), where an
answer goes (`show`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluentsd.cli.format import STYLES, money, when

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

Answer = Mapping[str, Any]
#: Days of a forecast drawn one by one.
DAYS_SHOWN = 21


def why(screen: Screen, answer: Answer) -> None:
    """One sentence for each campaign, then what it rests on."""
    if "sentence" in answer:
        screen.say(f"{answer['person']}: {answer['sentence']}")
    for told in answer["campaigns"]:
        screen.say(f"{told['campaign']} ({told['state']}): {told['sentence']}", STYLES.get(told["state"], ""))
        for name, value in _evidence(told).items():
            if value:
                screen.say(f"    {name}: {value}")


def _evidence(told: Mapping[str, Any]) -> dict[str, str]:
    law = told.get("law") or {}
    place = f"{told['zone_basis']}{'; what is known disagrees, so all of it counts' if told['conflict'] else ''}"
    if told["zone_is_fallback"]:
        place = "the campaign's fallback, because the person's own is unknown"
    rule = told.get("rule") or told["reason"]
    return {
        "step": f"{told['step']} by {told['channel']}",
        "next": when(told.get("next_at")),
        "ended": when(told.get("at")),
        "rule": f"{rule} in {told['rule_zone']}" if told.get("rule_zone") else rule,
        "says": law.get("says", ""),
        "source": f"{law['cite']} ({law['status']})" if law.get("cite") else "",
        "clock": ", ".join(told["clock"]) or "unknown zone",
        "zone from": place,
        "states": ", ".join(told["states"]),
        "consent": told["consent"].replace(",", ", ").replace(":", " "),
    }


def totals(screen: Screen, answer: Answer) -> None:
    """Everybody by reason."""
    screen.table(
        ["#People", "State", "Reason", "Why"],
        [[r["people"], r["state"], r["reason"], r["sentence"]] for r in answer["reasons"]],
    )
    screen.say(f"together {sum(r['people'] for r in answer['reasons'])}, of a Total of {answer['total']}")


def lines(screen: Screen, answer: Answer) -> None:
    """Warnings and notes of a launch check."""
    for line in answer.get("errors", ()):
        screen.say(f"error    {line}", "red")
    for line in answer.get("warnings", ()):
        screen.say(f"warning  {line}", "yellow")
    for line in answer.get("notes", ()):
        screen.say(f"note     {line}")


def check(screen: Screen, answer: Answer) -> None:
    """Who is in and who is out, by step; then what to see to."""
    out = answer["people"] - answer["ready"]
    tail = f", {out:,} would not" if out else ""
    screen.say(f"{answer['name']} ({answer['ref']}): {answer['ready']:,} of {answer['people']:,} people would be "
               f"contacted{tail}", "green" if answer["ready"] and not answer["errors"] else "red")  # fmt: skip
    if answer["out"]:
        screen.table(
            ["#People", "Would not be contacted because", "Rule"],
            [[o["people"], o["sentence"], o["rule"]] for o in answer["out"]],
        )
    reasons = sorted({reason for step in answer["steps"] for reason in step["people"]} - {"ready"})
    screen.table(
        ["Step", "#Ready", *(f"#{reason}" for reason in reasons)],
        [[s["step"], s["people"].get("ready", 0), *(s["people"].get(r, 0) for r in reasons)] for s in answer["steps"]],
    )
    _samples(screen, answer["samples"])
    if foreseen := answer["forecast"]:
        prices = (money(c["money_micros"], c["currency"]) for c in foreseen["channels"])
        cost = " + ".join(price for price in prices if price)
        screen.say(f"forecast: {foreseen['contacts']:,} contacts; {_finish(foreseen)}{f'; {cost}' if cost else ''}")
        screen.say(f"          {foreseen['bottleneck']['sentence']}")
    lines(screen, answer)
    if answer["duties"]:
        screen.say(
            f"what no program can check, for the states these people may be in (rules of {answer['rules_version']}):"
        )
        for duty in answer["duties"]:
            screen.say(f"  [ ] {duty['says']} ({duty['cite']}, {duty['status']})")
    if not answer["errors"]:
        asks = " --yes" if answer["warnings"] else ""
        screen.say(f"next: fluentsd forecast {answer['ref']}, then fluentsd campaign start {answer['ref']}{asks}")


#: Eight heights of a bar, from nothing to the busiest hour.
_BARS = " ▁▂▃▄▅▆▇█"


def forecast(screen: Screen, answer: Answer) -> None:
    """The finish, the load by hour, what comes of it, who is left out, and what it rests on."""
    screen.say(f"{answer['name']} ({answer['ref']}): {answer['contacts']:,} contacts with {answer['people']:,} people; "
               f"{_finish(answer)}", "green")  # fmt: skip
    screen.say(f"what to relieve first: {answer['bottleneck']['sentence']}")
    _chart(screen, answer)
    outcomes = list(dict.fromkeys(o for step in answer["steps"] for o in step["outcomes"]))
    screen.table(
        ["Step", "#Contacts", *(f"#{o}" for o in outcomes)],
        [[s["step"], s["contacts"], *(s["outcomes"].get(o, 0) for o in outcomes)] for s in answer["steps"]],
    )
    screen.table(
        ["Channel", "#Contacts", "#Minutes", "Cost"],
        [
            [c["channel"], c["contacts"], c["minutes"] or "", money(c["money_micros"], c["currency"]) or "not priced"]
            for c in answer["channels"]
        ],
    )
    if answer["numbers"]:
        screen.table(["Caller ID", "#Uses"], [[n["number"], n["uses"]] for n in answer["numbers"]])
    _ends(screen, answer)
    if answer["first"]:
        screen.table(
            ["First contacts", "To", "Step", "Channel", "From"],
            [[when(e["at"]), e["to"], e["step"], e["channel"], e["sender"] or ""] for e in answer["first"]],
        )
    _samples(screen, answer["samples"])
    for assumed in answer["assumed"]:
        shares = ", ".join(f"{outcome} {share:.0%}" for outcome, share in assumed["shares"].items() if share >= 0.005)
        basis = f"from {assumed['counted']:,} contacts here" if assumed["counted"] else "assumed, for want of a history"
        screen.say(f"{assumed['channel']}: {shares} ({basis})", "dim")


def _finish(answer: Answer) -> str:
    early, late = answer["finish_early_at"], answer["finish_late_at"]
    if early is None:
        return f"{answer['waiting']:,} still wait when it ends on {when(answer['until_at'])}"
    if late is None:
        return f"over on {when(early)} at the earliest, and perhaps not before {when(answer['until_at'])}"
    return f"over on {when(early)}" if early == late else f"over between {when(early)} and {when(late)}"


def _chart(screen: Screen, answer: Answer) -> None:
    """Contacts by hour, a line for each day of the machine's zone."""
    days: dict[dt.date, list[int]] = {}
    for load in answer["load"].values():
        for hour, count in enumerate(load):
            if count:
                moment = dt.datetime.fromtimestamp(answer["load_from"] / 1_000_000 + 3600 * hour, dt.UTC).astimezone()
                days.setdefault(moment.date(), [0] * 24)[moment.hour] += count
    if not days:
        return
    most = max(max(hours) for hours in days.values())
    screen.say(f"contacts by hour, {most:,} at the most (on {when(answer['peak_at'])})")
    screen.say(f"{'':10} 0     6     12    18    24")
    for day in sorted(days)[:DAYS_SHOWN]:
        bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in days[day])
        screen.say(f"{day:%a %d %b} {bars} {sum(days[day]):>8,}")
    if len(days) > DAYS_SHOWN:
        rest = sum(sum(days[day]) for day in sorted(days)[DAYS_SHOWN:])
        screen.say(f"{len(days) - DAYS_SHOWN} more days with {rest:,} contacts; all of them: --json")


def _ends(screen: Screen, answer: Answer) -> None:
    ends = [f"{answer['completed']:,} go through the whole flow"]
    ends += [f"{people:,} leave: {reason}" for reason, people in answer["exited"].items()]
    ends += [f"{people:,} end in error: {reason}" for reason, people in answer["errored"].items()]
    screen.say("; ".join(ends))
    for held in answer["held"]:
        screen.say(f"{held['people']:,} are not contacted: {held['sentence']}", "yellow")
    for skip in answer["skips"]:
        screen.say(f"{skip['people']:,} skip {skip['step']}: {skip['sentence']}")


def _samples(screen: Screen, samples: Mapping[str, Mapping[str, str]]) -> None:
    """One rendered message of each step."""
    for step, sample in samples.items():
        agent = f"agent {sample['agent']}" if sample["agent"] else ""
        said = " · ".join(filter(None, (sample["subject"], sample["text"], agent)))
        screen.say(f"{step} to {sample['to']}: {said[:200]}", "dim")
