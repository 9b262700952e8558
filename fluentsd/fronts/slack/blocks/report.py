"""The report of a campaign: its funnel, what came of it, and when people answer. The funnel and the hours are charts
and a table of Slack, and text in columns where those are not taken, as in a modal; a chart stands beside its numbers.

Every rate stands beside the number that it is a part of. A telephone shows about 38 characters in a line and wraps what
is longer, so text in columns is at most as wide, and what has more figures is a line of words, the ones that matter
first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fluentsd.fronts.slack.blocks.card import bar, progress, share, title
from fluentsd.fronts.slack.blocks.charts import bars, table
from fluentsd.fronts.slack.blocks.layout import (
    Block,
    Message,
    actions,
    button,
    context,
    message,
    paragraphs,
    section,
)
from fluentsd.fronts.slack.blocks.wording import (
    by_channel,
    count,
    moment,
    money,
    numbers,
    safe,
    word,
    zone_words,
)
from fluentsd.verbs.answers.campaigns import Calls, Hour, Report, Results
from fluentsd.verbs.answers.holds import Hold

#: Rows of a list, characters of a name, squares of the funnel in text, and steps.
ROWS, NAME, FUNNEL, STEPS = 6, 24, 9, 20
#: Attempts from which an hour's share is shown.
SAMPLE = 5
#: Hours of the chart and the table: those with the most attempts.
HOURS = 12
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def report(found: Report, holds: Sequence[Hold] = (), reader: str = "", period: str = "all") -> Message:
    """`report`. `reader`: the zone of the one who reads; `period`: the one that is shown, as it is typed."""
    above = [section(f"{title(found, holds)}\n{progress(found)}"), context(_period(found, reader))]
    made = message(f"report of {safe(found.name)}", *above, *_blocks(found, period, native=False))
    return replace(made, native=(*above, *_blocks(found, period, native=True)))


def _blocks(found: Report, period: str, *, native: bool) -> list[Block]:
    blocks: list[Block] = []
    stages = _stages(found)
    if native:
        blocks.append(bars("Funnel", list(stages), {"people": list(stages.values())}, y="people"))
    else:
        blocks.append(section(_columns(_funnel(stages))))
    blocks.append(section("", *_figures(found)))
    if found.calls.made:
        blocks.append(section(_calls(found.calls)))
    blocks += paragraphs(["*By step*", *_steps(found)])
    lists = (("By agent", found.by_agent), ("By number", found.by_number),
             ("By source", found.by_source))  # fmt: skip
    listed = [block for heading, rows in lists if rows for block in paragraphs([f"*{heading}*", *_rows(rows)])]
    blocks += [*listed, *([context(_LEGEND)] if found.by_step else [])]
    if found.hours:
        blocks += _when(found, native=native)
    ref = f"c{found.id}"
    periods = [button(f"✓ {words}" if key == period else words, f"say:report:{key}", {"text": f"report {ref} {key}"})
               for key, words in (("today", "Today"), ("7d", "7 days"), ("all", "All time"))]  # fmt: skip
    return [*blocks, actions(*periods)]


#: Below the lists.
_LEGEND = ("“17 of 44”: conversations of people contacted; “each”: what a conversation cost. Each person counts once "
           "in a line; an opt-out counts where it was said.")  # fmt: skip


def _period(found: Report, reader: str) -> str:
    """Which attempts the figures are of."""
    if found.since_at is not None:
        return f"*Attempts since* {moment(found.since_at, found.zone, reader)}"
    started = moment(found.started_at, found.zone, reader)
    return f"*All time*, since the start {started}" if found.started_at else "*All time*"


def _steps(found: Report) -> list[str]:
    """A line for each step in the order of the flow: its results, who waits for it now, and, as these are never of a
    period, all its attempts by outcome."""
    results = {one.name: one for one in found.by_step}
    lines = []
    for step in found.steps[:STEPS]:
        parts = _parts_of(results[step.step]) if step.step in results else []
        parts += [count(step.waiting, "person waits", "people wait")] if step.waiting else []
        if step.outcomes and found.since_at is None:
            parts.append(f"attempts: {numbers(step.outcomes)}")
        lines.append(f"• *{safe(step.step, 40)}*: {' · '.join(parts) or 'nobody yet'}")
    return [*lines, *([f"… and {len(found.steps) - STEPS} more"] if found.steps[STEPS:] else [])]


def _when(found: Report, *, native: bool) -> list[Block]:
    """When people answer: by hour, and by hour and weekday, with the attempts that each share is of."""
    if not native:
        return [section(f"*When people answer*\n{_columns(_grid(found.hours))}"), context(_legend(found.zone))]
    attempts, conversations = Counter[int](), Counter[int]()
    for one in found.hours:
        attempts[one.hour] += one.attempts
        conversations[one.hour] += one.conversations
    busiest = sorted(sorted(attempts, key=lambda hour: -attempts[hour])[:HOURS])
    series = {"attempts": [attempts[hour] for hour in busiest],
              "conversations": [conversations[hour] for hour in busiest]}  # fmt: skip
    chart = bars("When people answer", [f"{hour}:00" for hour in busiest], series, x=f"hour, {zone_words(found.zone)}")
    return [chart, table(_week(found.hours, busiest)), context(_native_legend(found.zone))]


def _week(hours: Sequence[Hour], busiest: Sequence[int]) -> list[list[str]]:
    """A row for each hour, a column for each weekday: `33% of 12`."""
    cells = {(one.weekday, one.hour): one for one in hours}
    weekdays = sorted({one.weekday for one in hours})
    rows = [["", *(_DAYS[weekday] for weekday in weekdays)]]
    for hour in busiest:
        found = [cells.get((weekday, hour)) for weekday in weekdays]
        rows.append([f"{hour}:00", *(f"{_cell(one, '–')} of {one.attempts:,}" if one else "·" for one in found)])
    return rows


def _stages(found: Report) -> dict[str, int]:
    """The funnel: people at each stage."""
    whole = found.whole
    return {"enrolled": found.total, "contacted": whole.contacted, "conversations": whole.conversations,
            "interested": whole.interested}  # fmt: skip


def _funnel(stages: Mapping[str, int]) -> list[str]:
    total = stages["enrolled"]
    return [f"{name:<14}{bar(people, total, length=FUNNEL)} {people:>8,} {share(people, total):>4}"
            for name, people in stages.items()]  # fmt: skip


def _figures(found: Report) -> list[str]:
    whole = found.whole
    of = f" of {whole.contacted:,} contacted"
    cost = " + ".join(money(one.micros, one.currency) for one in whole.costs) or "not priced"
    each = " + ".join(money(one.per_conversation_micros, one.currency) for one in whole.costs
                      if one.per_conversation_micros is not None)  # fmt: skip
    by = [f"{one.conversations:,} by {by_channel(one.name)}" for one in found.by_channel if one.conversations]
    rates = (("Conversations", whole.conversations, ", ".join(by)), ("Interested", whole.interested, ""),
             ("Opt-outs", whole.opted_out, ""))  # fmt: skip
    return [
        f"*Contacted*\n{whole.contacted:,} of {found.total:,} enrolled ({share(whole.contacted, found.total)})",
        *(f"*{name}*\n{people:,}{of} ({share(people, whole.contacted)})" + (f"\n{more}" if more else "")
          for name, people, more in rates),
        f"*Cost*\n{cost}" + (f", {each} per conversation ({whole.conversations:,})" if each else ""),
    ]  # fmt: skip


def _calls(found: Calls) -> str:
    """Calls by outcome, and those with a conversation by what they came to; each number with what it is a part of."""
    lines = [f"*{count(found.made, 'call', 'calls')}* · {_parts(found.outcomes, found.made)}"]
    if found.conversations:
        analysed = f"{found.analysed:,} analysed" + (f", {found.failed:,} could not be" if found.failed else "")
        spoken = count(found.conversations, "call with a conversation", "calls with a conversation")
        lines.append(f"*{spoken}* ({analysed}) · {_parts(found.dispositions, found.conversations)}")
    return "\n".join(lines)


def _parts(counts: Mapping[str, int], of: int) -> str:
    return " · ".join(
        f"{word(name) or 'no result'} {number:,} ({share(number, of)})" for name, number in counts.items()
    )


def _rows(rows: Sequence[Results]) -> list[str]:
    """`• *call*: 17 of 44 (39%) · interested 11 · opt-outs 1 · 0.32 USD each`."""
    made = [f"• *{safe(one.name, NAME)}*: {' · '.join(_parts_of(one))}" for one in rows[:ROWS]]
    return [*made, *([f"… and {len(rows) - ROWS} more"] if len(rows) > ROWS else [])]


def _parts_of(one: Results) -> list[str]:
    each = " + ".join(money(cost.per_conversation_micros, cost.currency) for cost in one.costs
                      if cost.per_conversation_micros is not None)  # fmt: skip
    rate = f"{one.conversations:,} of {one.contacted:,} ({share(one.conversations, one.contacted)})"
    parts = [rate, f"interested {one.interested:,}", f"opt-outs {one.opted_out:,}", f"{each} each" if each else ""]
    return list(filter(None, parts))


def _grid(hours: Sequence[Hour]) -> list[str]:
    """A row for each hour, a column for each weekday: the share of attempts that became a conversation."""
    cells = {(one.weekday, one.hour): one for one in hours}
    weekdays = sorted({one.weekday for one in hours})
    shown = ["     " + "".join(f"{_DAYS[weekday]:>4}" for weekday in weekdays) + "   of"]
    for hour in sorted({one.hour for one in hours}):
        row = [cells.get((weekday, hour)) for weekday in weekdays]
        total = sum(one.attempts for one in row if one)
        shown.append(f"{f'{hour}:00':<5}" + "".join(f"{_cell(one):>4}" for one in row) + f"{total:>5,}")
    return shown


def _cell(one: Hour | None, few: str = f"<{SAMPLE}") -> str:
    """The share of an hour; `few` if its attempts say nothing."""
    if one is None:
        return "·"
    return f"{one.conversations / one.attempts:.0%}" if one.attempts >= SAMPLE else few


def _native_legend(zone: str) -> str:
    return (f"Conversations per attempt, and of how many attempts, at the {HOURS} busiest hours, "
            f"{zone_words(zone)}; “–”: fewer than {SAMPLE} attempts, too few to tell; “·”: none.")  # fmt: skip


def _legend(zone: str) -> str:
    return (f"Conversations per attempt by hour, {zone_words(zone)}. “of”: attempts of the hour; “&lt;{SAMPLE}”: "
            f"fewer than {SAMPLE} attempts on that day, too few to tell; “·”: none.")  # fmt: skip


def _columns(lines: Sequence[str]) -> str:
    """Lines in a fixed width. A backtick would end it, and signs of mrkdwn inside are escaped."""
    escaped = (line.replace("`", "'").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines)
    return "```" + "\n".join(escaped) + "```"
