"""Prints the answers about people: contacts, attempts, replies, enrollments, consent, erasure.

What must not live here: whole campaigns (`campaigns`), the suppression list (`suppression`), and the answers that
explain decisions (`explain`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fluentsd.cli.format import campaigns, moment, money, people, when
from fluentsd.cli.views import explain
from fluentsd.verbs.answers import people as answers
from fluentsd.verbs.answers.attempts import Attempt, Decided, History, Unknown
from fluentsd.verbs.answers.codec import encode
from fluentsd.verbs.answers.explain import Why

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen


def find(screen: Screen, answer: answers.Found) -> None:
    if not answer.people:
        screen.say("no one found")
        return
    screen.table(
        ["Person", "Numbers and addresses", "Zone", "Zone from", "Campaigns"],
        [
            [
                " ".join(filter(None, (p.fields.get("first_name"), p.fields.get("last_name")))) or f"#{p.id}",
                [*p.points, *(f"formerly {one}" for one in p.former)],
                p.zones or "unknown",
                p.zone_basis,
                [f"{c.ref}: {c.state}{' (' + c.reason + ')' if c.reason else ''} at {c.step}"
                 for c in p.campaigns],
            ]
            for p in answer.people
        ],
    )  # fmt: skip


def members(screen: Screen, answer: answers.Members) -> None:
    if not answer.people:
        screen.say(f"no one in {answer.ref}")
        return
    screen.table(
        ["#Id", "Person", "Numbers and addresses", "State", "Why", "Step", "@Next", "#Tries", "Last outcome", "Lists"],
        [
            [one.contact, one.name, one.points, one.state, one.sentence, one.step, when(one.due_at), one.tries,
             one.last_outcome, one.lists]
            for one in answer.people
        ],
    )  # fmt: skip
    if answer.next is not None:
        screen.say(f"to go on: fluentsd campaign people {answer.ref} --after {answer.next}; all in a file: --csv FILE")


def replies(screen: Screen, answer: answers.Replies) -> None:
    if not answer.replies:
        screen.say("no unanswered replies", "green")
        return
    screen.table(
        ["@When", "Campaign", "Step", "Channel", "From", "Text"],
        [[when(r.created_at), r.ref or "(before any attempt)", r.step, r.channel, r.person, r.text]
         for r in answer.replies],
    )  # fmt: skip
    screen.say('to answer: fluentsd campaign answer REF PERSON "…"; to close without an answer: add --nothing')


def leads(screen: Screen, answer: answers.Leads) -> None:
    if not answer.leads:
        screen.say("no unhandled leads", "green")
        return
    screen.table(
        ["@When", "Campaign", "Step", "Person", "Came to", "Summary", "Call"],
        [[when(one.created_at), one.ref, one.step or "(a call to us)", one.person, one.disposition, one.summary,
          one.attempt]
         for one in answer.leads],
    )  # fmt: skip
    screen.say('to write to one: fluentsd campaign answer REF PERSON "…"; to close without a message: add --nothing')


def heard(screen: Screen, answer: answers.Heard) -> None:
    until = f" (until {when(answer.until_at)})" if answer.until_at else ""
    screen.say(f"{answer.link or answer.file}{until}")


def enrolled(screen: Screen, answer: answers.Enrolled) -> None:
    if answer.dry_run:
        screen.say(f"{people(answer.enrolled)} of {answer.people} would enter {answer.ref}; nothing was changed")
        return
    already = answer.people - answer.enrolled
    rest = f"; {people(already)} are or were in it already" if already else ""
    screen.say(f"{people(answer.enrolled)} enrolled in {answer.ref}{rest}", "green")


def taken_over(screen: Screen, answer: answers.TakenOver) -> None:
    screen.say(f"{answer.person} is taken over by {answer.by}: no campaign contacts them", "green")
    screen.say(f"to give them back: fluentsd contacts resume '#{answer.contact}'")


def goes_on(screen: Screen, answer: answers.GoesOn) -> None:
    screen.say(f"the campaigns go on with {answer.person}", "green")


def answered(screen: Screen, answer: answers.Answered) -> None:
    how = f"answered by {answer.channel}" if answer.channel else "closed without an answer"
    screen.say(f"{answer.person}: {how}", "green")
    if not answer.channel:
        screen.say(f"a mistake? fluentsd campaign unhandle {answer.ref} {shlex.quote(answer.person)}", "dim")


def unhandled(screen: Screen, answer: answers.Unhandled) -> None:
    noun = "reply or lead is" if answer.opened == 1 else "replies and leads are"
    screen.say(f"{answer.person}: {answer.opened} {noun} open again; what was sent stays sent", "green")


def tested(screen: Screen, answer: answers.Tested) -> None:
    screen.say(f"{answer.step} by {answer.channel} to {answer.to}: accepted", "green")


def attested(screen: Screen, answer: answers.Attested) -> None:
    of = answer.source or answer.ref
    screen.say(f"consent of {people(answer.people)} of {of}: {answer.said}, attested by {answer.by}", "green")


def exported(screen: Screen, answer: answers.Exported) -> None:
    print(json.dumps(encode(answer), ensure_ascii=False, indent=2, default=str))  # noqa: T201 - it is a document


def erased(screen: Screen, answer: answers.Erased) -> None:
    deleted = f"numbers and addresses: {answer.points}, records: {answer.records}, texts: {answer.texts}"
    screen.say(f"erased ({deleted}); the person left {campaigns(len(answer.campaigns))}", "green")
    if answer.at_providers:
        screen.say(f"messages and calls that the daemon will delete at the providers: {answer.at_providers}")
    if answer.stopped:
        screen.say("the suppression list keeps a keyed hash, so a later import cannot contact the person")
    screen.say("older backups still hold the person; a start on one erases the person again")


def removed(screen: Screen, answer: answers.Removed) -> None:
    screen.say(f"{answer.person} has left {answer.ref} (was {answer.was} at {answer.step})")


def callback_set(screen: Screen, answer: answers.Promised) -> None:
    screen.say(
        f"{answer.person}: {answer.step} by {answer.channel} is set for "
        f"{moment(answer.next_at, answer.zone)}; it goes first in its lane, and only if the gate allows it"
    )
    if answer.state != "active":
        screen.say(f"{answer.ref} is {answer.state}, so nobody is contacted before it is active", "yellow")
    if answer.left_out:
        steps = ", ".join(answer.left_out)
        screen.say(f"the flow goes on from there, so these steps are left out: {steps}", "yellow")


def upgraded(screen: Screen, answer: answers.Upgraded) -> None:
    if not answer.people:
        screen.say(f"everyone in {answer.ref} already follows the current flow")
        return
    screen.table(["Current step", "New step", "#People"], [[m.old, m.to, m.people] for m in answer.moves])
    for step, count in answer.lost.items():
        screen.say(f"{people(count)} are at {step}, which no longer exists; give the new step: --step {step}=…", "red")
    if answer.busy:
        screen.say(f"not moved, because they are being contacted now: {people(answer.busy)}; repeat this later")
    done = "dry run: no one was moved" if answer.dry_run else f"moved: {people(answer.moved)}"
    screen.say(done, "green" if answer.moved else "")


def timeline(screen: Screen, answer: Why) -> None:
    if answer.attempts:
        _attempts(screen, answer.attempts)
    explain.why(screen, answer)


def calls(screen: Screen, answer: History) -> None:
    if not answer.calls:
        screen.say("no attempts")
    elif answer.whole:
        _whole_call(screen, answer.calls[0])
    else:
        _attempts(screen, answer.calls)


def _attempts(screen: Screen, found: Sequence[Attempt]) -> None:
    screen.table(
        ["@When", "To", "Step", "#Try", "Channel", "Outcome", "Came to", "Campaign", "From", "#Seconds", "Cost",
         "Note"],
        [
            [
                when(c.claimed_at), c.to, c.step, c.try_no or "", _channel(c), c.outcome or "open",
                c.disposition, c.ref, c.sender, c.duration_s, money(c.cost_micros, c.currency or ""),
                c.reply or c.summary or c.reason,
            ]
            for c in found
        ],
    )  # fmt: skip


def _channel(call: Attempt) -> str:
    return f"{call.channel} (to us)" if call.direction == "in" else call.channel


def _whole_call(screen: Screen, call: Attempt) -> None:
    """One attempt with its evidence and its words."""
    sender = f" from {call.sender}" if call.sender else ""
    if call.direction == "in":
        who = f"answered by {call.agent or call.answered_by}"
        screen.say(f"{when(call.claimed_at)}  call to us from {call.to or 'an unknown number'}, {who}")
    else:
        where = f"{call.ref}, {call.step}, try {call.try_no}"
        screen.say(f"{when(call.claimed_at)}  {call.channel} to {call.to}{sender}, {where}")
    came_to = f", {call.disposition}" if call.disposition else ""
    screen.say(f"outcome: {call.outcome or 'open'}{came_to}", "bold")
    facts = {
        "evidence": call.reason,
        "callback": when(call.callback_at) if call.callback_at else "",
        "length": f"{call.duration_s} s" if call.duration_s is not None else "",
        "cost": money(call.cost_micros, call.currency or "") if call.cost_micros else "",
        "recording": call.recording,
        "summary": call.summary,
        **{name.replace("_", " "): str(value) for name, value in call.analysis.items()},
        "analysis failed": call.analysis_problem or "",
        "reply": call.reply,
    }
    for name, value in facts.items():
        if value:
            screen.say(f"{name}: {value}")
    if call.transcript:
        screen.say("transcript:")
        for line in call.transcript.splitlines():
            screen.say(f"  {line}")


def unknown_attempts(screen: Screen, answer: Unknown) -> None:
    """Attempts with an unknown outcome, and the commands to decide about them."""
    if not answer.calls:
        screen.say("no attempt needs a decision", "green")
        return
    screen.table(
        ["Attempt", "@When", "Campaign", "Step", "Channel", "To", "Why it is unknown"],
        [[c.id, when(c.claimed_at), c.ref, c.step, c.channel, c.to, c.reason]
         for c in answer.calls],
    )  # fmt: skip
    screen.say("they count as made; to repeat one, perhaps twice: fluentsd unknown retry REF --person PERSON")
    screen.say("to keep them as made and hide them: fluentsd unknown dismiss REF")


def unknown_retried(screen: Screen, answer: Decided) -> None:
    screen.say(f"queued again: {people(answer.people)}; {answer.ref} is {answer.state}")
    for kept in answer.left_alone or ():
        screen.say(f"not queued: {kept.person or kept.attempt} at {kept.step}: {kept.why}", "yellow")


def unknown_dismissed(screen: Screen, answer: Decided) -> None:
    screen.say(f"dismissed: {answer.people} of {answer.ref} count as made and are hidden")
