"""Prints the answers about campaigns: state, counts, report, changes, errors, file.

What must not live here: people (`contacts`), and the answers that explain decisions (`explain`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fluentsd.cli.format import STYLES, moment, money, people, when
from fluentsd.cli.suggestions import command
from fluentsd.cli.views import explain, holds, sources
from fluentsd.domain.reasons import words_of
from fluentsd.verbs.answers import campaigns as answers

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

#: The counts of a campaign in the order of their columns.
OVERVIEW = ("total", "queued", "active", "errored", "exited", "completed")
_OVERVIEW_COLUMNS = ["#Total", "#Queued", "#Active", "#Errored", "#Exited", "#Completed"]


def listing(screen: Screen, answer: answers.Listing) -> None:
    """All campaigns, one per row."""
    if not answer.campaigns:
        screen.say("no campaigns yet; begin with: fluentsd campaign new")
        return
    screen.table(
        ["Campaign", "State", *_OVERVIEW_COLUMNS, "Owner", "@Started on"],
        [
            [
                c.ref,
                f"{c.state}, held" if c.held else c.state,
                *(getattr(c, k) for k in OVERVIEW),
                c.owner,
                when(c.started_at, c.zone),
            ]
            for c in answer.campaigns
        ],
    )


def status(screen: Screen, answer: answers.Status) -> None:
    """Counts, the next due time, holds, and the commands for what needs a person."""
    _heading(screen, answer, answers.state_word(answer, answer.holds))
    _overview(screen, answer)
    _times(screen, answer)
    if answer.attempts:
        screen.say(f"attempts made: {answer.attempts}")
        screen.say(_by_result(answer.people))
    if answer.budget is not None:
        budget = answer.budget
        spent = f"{money(budget.spent_micros, budget.currency) or 'nothing'} of {money(budget.micros, budget.currency)}"
        screen.say(f"spent today: {spent}; the next day begins {when(budget.renewed_at, answer.zone)}")
    if answer.follow_ups:
        screen.say(f"follow-ups after calls that are not sent yet: {answer.follow_ups}")
    holds.lines(screen, answer.holds, is_paused=answer.state == "paused")
    for one in answer.segments:
        sources.line(screen, one, answer.zone)
    for reason, count in answer.held_people.items():
        screen.say(f"waiting for a fact to change: {people(count)}: {words_of(reason)} ({reason})", "yellow")
    _exits(screen, answer)
    if answer.unknown:
        command = f"fluentsd unknown list {answer.ref}"
        screen.say(f"attempts with an unknown outcome: {answer.unknown}; see: {command}", "yellow")
    if answer.errored:
        screen.say(f"in error: {people(answer.errored)}; see: fluentsd campaign errors {answer.ref}", "red")


def _by_result(found: answers.ByResult) -> str:
    """`people: contacted 44, conversations 17 (interested 11, callback 2), opted out 1`"""
    came_to = ", ".join(f"{word.replace('_', ' ')} {count}" for word, count in found.came_to.items())
    talked = f"conversations {found.conversations}" + (f" ({came_to})" if came_to else "")
    return f"people: contacted {found.contacted}, {talked}, opted out {found.opted_out}"


def _times(screen: Screen, answer: answers.Status) -> None:
    """The scheduled start, the pause, and the next contact."""
    if answer.state == "scheduled" and answer.starts_at:
        screen.say(f"it starts on {moment(answer.starts_at, answer.zone)}")
    if answer.state == "paused" and answer.paused is not None:
        why = f": {answer.paused.because}" if answer.paused.because else "; no reason was given"
        screen.say(f"paused by {answer.paused.by} on {when(answer.paused.at, answer.zone)}{why}", "yellow")
    if answer.state == "paused" and answer.resumes_at:
        screen.say(f"it resumes by itself on {moment(answer.resumes_at, answer.zone)}")
    if answer.state not in ("active", "scheduled") or answer.next_at is None:
        return
    if answer.next_at > answer.now:
        screen.say(f"next contact: {moment(answer.next_at, answer.zone)}")
    else:
        screen.say("people are due now")
    _runs(screen, runs=answer.runs)


def _runs(screen: Screen, *, runs: bool) -> None:
    if not runs:
        screen.say("no daemon runs, so nobody is contacted; start it: fluentsd run", "yellow")


def report(screen: Screen, answer: answers.Report) -> None:
    """The funnel: waiting people, attempts and outcomes of each step."""
    _heading(screen, answer)
    _overview(screen, answer)
    outcomes = sorted({o for step in answer.steps for o in step.outcomes})
    screen.table(
        ["Step", "#Waiting", "#Attempts", *(f"#{o}" for o in outcomes)],
        [[s.step, s.waiting, s.attempts, *(s.outcomes.get(o) for o in outcomes)] for s in answer.steps],
    )
    _exits(screen, answer)
    for title, rows in (("Whole", (answer.whole,)), ("Channel", answer.by_channel), ("Step", answer.by_step),
                        ("Agent", answer.by_agent), ("Number", answer.by_number),
                        ("Source", answer.by_source)):  # fmt: skip
        if rows and answer.whole.attempts:
            screen.table(
                [
                    title,
                    "#Attempts",
                    "#Contacted",
                    "#Conversations",
                    "#Interested",
                    "#Opt-outs",
                    "#Cost",
                    "#Per conversation",
                ],
                [_results(one) for one in rows],
            )
    _calls(screen, answer.calls)


def _calls(screen: Screen, found: answers.Calls) -> None:
    """Conversations by what they came to; each with its share of all of them."""
    if not found.conversations:
        return
    rows = [[word.replace("_", " ") or "no result", _share(number, found.conversations)]
            for word, number in found.dispositions.items()]  # fmt: skip
    screen.table(["Conversation came to", "#Calls"], rows)
    failed = f", {found.failed} could not be" if found.failed else ""
    screen.say(f"{found.conversations} of {found.made} calls with a conversation; {found.analysed} analysed{failed}")


def _results(one: answers.Results) -> list[Any]:
    """A row of results; a rate is of the people contacted."""
    cost = " + ".join(f"{cost.micros / 1_000_000:.2f} {cost.currency}" for cost in one.costs)
    each = " + ".join(f"{cost.per_conversation_micros / 1_000_000:.2f} {cost.currency}" for cost in one.costs
                      if cost.per_conversation_micros is not None)  # fmt: skip
    people = (one.conversations, one.interested, one.opted_out)
    return [one.name, one.attempts, one.contacted, *(_share(figure, one.contacted) for figure in people), cost or "–",
            each or "–"]  # fmt: skip


def _share(figure: int, of: int) -> str:
    return f"{figure} ({figure / of:.0%})" if of else str(figure)


def state_changed(screen: Screen, answer: answers.Campaign) -> None:
    """A campaign in its new state."""
    screen.say(f"{answer.ref} is {answer.state}", STYLES.get(answer.state, ""))
    if isinstance(answer, answers.Changed) and answer.unscheduled_at:
        screen.say(f"its start on {moment(answer.unscheduled_at, answer.zone)} is off", "yellow")
    if answer.starts_at:
        screen.say(f"it starts on {moment(answer.starts_at, answer.zone)}")
    if isinstance(answer, answers.Counted):
        _overview(screen, answer)


def started(screen: Screen, answer: answers.Started) -> None:
    """A started campaign, with the warnings and notes of its launch check."""
    state_changed(screen, answer)
    explain.lines(screen, answer.warnings, answer.notes, answer.suggestions)
    _runs(screen, runs=answer.runs)


def approved(screen: Screen, answer: answers.Campaign) -> None:
    """The agreement of a second person to a start."""
    screen.say(f"the start of {answer.ref} is approved as the campaign is now; an edit makes that void", "green")


def resumed(screen: Screen, answer: answers.Resumed) -> None:
    """A resumed campaign, and the people who fell due during the pause."""
    if answer.dry_run:
        screen.say(f"{answer.ref} would resume (dry run: nothing was changed)")
    else:
        state_changed(screen, answer)
    if not answer.late:
        return
    consequence = {
        "drip": f"they are contacted gradually until about {when(answer.late_done_at, answer.zone)}",
        "shift": f"all due times move by {answer.away_s // 60:,} minutes",
        "skip": "those steps are skipped and the flow continues",
    }.get(answer.late_policy, answer.late_policy)
    channels = ", ".join(f"{channel} {count}" for channel, count in answer.late_by_channel.items())
    screen.say(f"{people(answer.late)} fell due during the pause ({channels}): {consequence}", "yellow")


def applied(screen: Screen, answer: answers.Applied) -> None:
    """A new draft, or the changed values and the people that they concern."""
    dry = " (dry run: nothing was changed)" if answer.dry_run else ""
    for line in answer.warnings:
        screen.say(f"warning  {line}", "yellow")
    if answer.created:
        screen.say(f"{answer.ref} {'would be' if dry else 'is'} a new draft{dry}", "green")
        if not dry:
            following = f"sync status, then: fluentsd campaign check {answer.ref}"
            imports = f"contacts import FILE --campaign {answer.ref}"
            screen.say(f"next: fluentsd {following if answer.segments else imports}")
        return
    count = len(answer.changes)
    if not count:
        screen.say(f"{answer.ref} is the same as the file; nothing was changed")
        return
    screen.say(f"{answer.ref}: {count} change{'' if count == 1 else 's'}{dry}")
    screen.table(
        ["Key", "Old", "New", "Applies to"],
        [[c.path, json.dumps(c.old), json.dumps(c.new), c.counts_for] for c in answer.changes],
    )
    by_step = ", ".join(f"{step}: {count}" for step, count in (answer.people_at_steps or {}).items())
    if by_step:
        screen.say(f"people now at steps: {by_step}")
    if answer.keep_their_flow:
        screen.say(f"{people(answer.keep_their_flow)} keep the steps and texts they entered with; to move them: "
                   f"fluentsd campaign upgrade {answer.ref} --dry-run")  # fmt: skip
    if answer.retimed:
        screen.say(f"due times recomputed for the new hours: {people(answer.retimed)}")


def errors(screen: Screen, answer: answers.Errors) -> None:
    """People in error, grouped by cause, and the commands to go on."""
    if answer.analyses:
        screen.table(["Call", "When", "Why its analysis has failed"],
                     [[one.attempt, when(one.ended_at), one.problem] for one in answer.analyses])  # fmt: skip
        screen.say(f"the transcripts are kept; to analyse again: fluentsd campaign analyse {answer.ref} [--attempt ID]")
    if not answer.causes:
        screen.say(f"no one in {answer.ref} is in error", "green")
        return
    screen.table(
        ["#No", "Cause", "#People", "Examples"],
        [[i, c.cause, c.people, ", ".join(c.some)] for i, c in enumerate(answer.causes, 1)],
    )
    screen.say(f"to queue them again: fluentsd campaign retry {answer.ref} [--cause N | --person PERSON]")
    screen.say(f"to remove them:      fluentsd campaign dismiss {answer.ref} [--cause N | --person PERSON]")


def retried(screen: Screen, answer: answers.Settled) -> None:
    """People in error who are queued again."""
    screen.say(f"queued again: {people(answer.people)}; {answer.ref} is {answer.state}")


def analysed(screen: Screen, answer: answers.Analysed) -> None:
    """Calls that are analysed again."""
    noun = "call" if answer.calls == 1 else "calls"
    screen.say(f"analysed again: {answer.calls:,} {noun}; see: fluentsd calls {answer.ref}")


def dismissed(screen: Screen, answer: answers.Settled) -> None:
    """People in error who have left the campaign."""
    screen.say(f"removed: {people(answer.people)}; {answer.ref} is {answer.state}")


def copied(screen: Screen, answer: answers.Campaign) -> None:
    """The copy of a campaign."""
    screen.say(f"{answer.ref} is a new draft without people", "green")


def archived(screen: Screen, answer: answers.Archived) -> None:
    """A campaign that is archived, or not any more."""
    if answer.archived:
        listed = f"its history stays: fluentsd campaign list --archived; to bring it back: {_unarchive(answer.ref)}"
        screen.say(f"{answer.ref} is archived; {listed}")
    else:
        screen.say(f"{answer.ref} is back, and is {answer.state}", "green")


def _unarchive(ref: str) -> str:
    return command("campaign unarchive", {"ref": ref})


def owner_changed(screen: Screen, answer: answers.Campaign) -> None:
    """A campaign's new owner."""
    screen.say(f"{answer.ref} now belongs to {answer.owner}")


def exported(screen: Screen, answer: answers.Exported | answers.Shown) -> None:
    """The campaign file."""
    import tomli_w

    # a carriage return does not survive in a multi-line string, so such texts stay on one line
    multiline = "\\r" not in json.dumps(answer.file)
    print(tomli_w.dumps(answer.file, multiline_strings=multiline), end="")  # noqa: T201 - it is a file


def shown(screen: Screen, answer: answers.Shown) -> None:
    """A campaign's state, then its file."""
    state_changed(screen, answer)
    exported(screen, answer)


def _heading(screen: Screen, answer: answers.Campaign, state: str = "") -> None:
    state = state or answer.state
    screen.say(f"{answer.name} ({answer.ref}) is {state}", STYLES.get(state, ""))


def _overview(screen: Screen, answer: answers.Counted) -> None:
    screen.table(
        [*_OVERVIEW_COLUMNS, "@Started on"],
        [[*(getattr(answer, k) for k in OVERVIEW), when(answer.started_at, answer.zone) or "not yet"]],
    )


def _exits(screen: Screen, answer: answers.Status | answers.Report) -> None:
    for reason, count in answer.exited_by_reason.items():
        screen.say(f"{count} exited: {reason}")
