"""How answers about people look: who they are, what was done, what they wrote, who is on the stop list.

What must not live here: campaigns (`views`), the answers that explain (`decisions`), where an answer goes (`show`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluentsd.cli.format import money, people, when
from fluentsd.cli.views import explain

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

Answer = Mapping[str, Any]


def find(screen: Screen, answer: Answer) -> None:
    if not answer["people"]:
        screen.say("nobody found")
        return
    screen.table(
        ["Person", "Numbers and addresses", "Zone", "From", "Campaigns"],
        [
            [
                " ".join(filter(None, (p["fields"].get("first_name"), p["fields"].get("last_name")))) or f"#{p['id']}",
                p["points"],
                p["zones"] or "unknown",
                p["zone_basis"],
                [f"{c['ref']}: {c['state']}{' (' + c['reason'] + ')' if c['reason'] else ''} at {c['step']}"
                 for c in p["campaigns"]],
            ]
            for p in answer["people"]
        ],
    )  # fmt: skip


def stops(screen: Screen, answer: Answer) -> None:
    if "sentence" in answer:
        screen.say(answer["sentence"])
    if not answer["entries"]:
        screen.say("no entries")
        return
    screen.table(
        ["Number or address", "Channel", "Reason", "By", "Since", "Lifted", "Because"],
        [
            [
                e["value"], "every" if e["channel"] == "*" else e["channel"], e["reason"], e["by"], when(e["at"]),
                when(e["lifted_at"]), e["lifted_because"] or (e["evidence"] or {}).get("said", ""),
            ]
            for e in answer["entries"]
        ],
    )  # fmt: skip


def stopped(screen: Screen, answer: Answer) -> None:
    ended = f"; courses ended in {len(answer['campaigns'])} campaigns" if answer["campaigns"] else ""
    screen.say(f"{answer['point']} is on the stop list{ended}")


def unstopped(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['point']} may be contacted again; the entry stays with your reason")


def stop_import(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['added']} added, {answer['known']} were on the stop list already")
    for bad in answer["bad"][:10]:
        screen.say(f"  not read: {bad['text']!r}: {bad['reason']}", "yellow")
    if len(answer["bad"]) > 10:
        screen.say(f"  and {len(answer['bad']) - 10} more", "yellow")


def replies(screen: Screen, answer: Answer) -> None:
    if not answer["replies"]:
        screen.say("no reply waits for anybody", "green")
        return
    screen.table(
        ["When", "Campaign", "Step", "By", "From", "What they wrote"],
        [[when(r["created_at"]), r["ref"], r["step"], r["channel"], r["person"] or "", r["text"]]
         for r in answer["replies"]],
    )  # fmt: skip
    screen.say('write back: fluentsd campaign answer REF PERSON "…", or with --nothing say that it is seen to')


def answered(screen: Screen, answer: Answer) -> None:
    how = f"answered by {answer['channel']}" if answer["channel"] else "seen to, nothing sent"
    screen.say(f"{answer['person']}: {how}", "green")


def tested(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['step']} by {answer['channel']} to {answer['to']}: accepted", "green")


def attested(screen: Screen, answer: Answer) -> None:
    of = answer["source"] or answer["ref"]
    screen.say(
        f"{people(answer['people'])} of {of} carry now: {answer['said']}, on the word of {answer['by']}", "green"
    )


def exported(screen: Screen, answer: Answer) -> None:
    print(json.dumps(answer, ensure_ascii=False, indent=2, default=str))  # noqa: T201 - it is a document


def erased(screen: Screen, answer: Answer) -> None:
    went = f"numbers and addresses: {answer['points']}, records: {answer['records']}, texts: {answer['texts']}"
    screen.say(f"erased ({went}); courses ended in {len(answer['campaigns'])} campaigns", "green")
    if answer["at_providers"]:
        what = "messages and calls that providers may still keep are deleted there by the daemon"
        screen.say(f"{what}: {answer['at_providers']}")
    if answer["stopped"]:
        screen.say("the stop list still knows them by a hash, should they ever come back")
    screen.say("older copies of the database still have the person; a start on one erases them again")


def removed(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['person']} has left {answer['ref']} (was {answer['was']} at {answer['step']})")


def promised(screen: Screen, answer: Answer) -> None:
    screen.say(
        f"{answer['person']}: {answer['step']} by {answer['channel']} is promised for {when(answer['next_at'])}; "
        "it goes before everything else in its queue, and still only when it is allowed"
    )


def upgraded(screen: Screen, answer: Answer) -> None:
    if not answer["people"]:
        screen.say(f"everybody in {answer['ref']} follows its present flow already")
        return
    screen.table(["Stand at", "Go on at", "#People"], [[m["from"], m["to"], m["people"]] for m in answer["moves"]])
    for step, count in answer["lost"].items():
        screen.say(f"{people(count)} stand at {step}, which is gone; name their new place: --step {step}=…", "red")
    if answer["busy"]:
        screen.say(f"{people(answer['busy'])} are being contacted just now and were left alone; repeat it later")
    done = "dry run: nobody was moved" if answer["dry_run"] else f"moved: {people(answer['moved'])}"
    screen.say(done, "green" if answer["moved"] else "")


def timeline(screen: Screen, answer: Answer) -> None:
    if answer["attempts"]:
        calls(screen, {"calls": answer["attempts"]})
    explain.why(screen, answer)


def calls(screen: Screen, answer: Answer) -> None:
    if not answer["calls"]:
        screen.say("no attempts")
        return
    screen.table(
        ["When", "Campaign", "Step", "#Try", "Channel", "To", "From", "Outcome", "#Seconds", "Cost", "Note"],
        [
            [
                when(c["claimed_at"]), c["ref"], c["step"], c["try_no"], c["channel"], c["to"], c["sender"],
                c["outcome"] or "open", c["duration_s"], money(c["cost_micros"], c["currency"]),
                c["reply"] or c["reason"],
            ]
            for c in answer["calls"]
        ],
    )  # fmt: skip


def unproved(screen: Screen, answer: Answer) -> None:
    """Attempts to decide about."""
    if not answer["calls"]:
        screen.say("no attempt waits for a decision", "green")
        return
    screen.table(
        ["Attempt", "When", "Campaign", "Step", "Channel", "To", "Why nobody knows"],
        [[c["id"], when(c["claimed_at"]), c["ref"], c["step"], c["channel"], c["to"], c["reason"]]
         for c in answer["calls"]],
    )  # fmt: skip
    screen.say("they count as made; once more, perhaps for the second time: fluentsd unknown retry REF --person WHO")
    screen.say("or let them be: fluentsd unknown dismiss REF")


def tried_again(screen: Screen, answer: Answer) -> None:
    screen.say(f"queued once more: {people(answer['people'])}; {answer['ref']} is {answer['state']}")
    for left in answer["left_alone"]:
        screen.say(f"left alone: {left['person'] or left['attempt']} at {left['step']}: {left['why']}", "yellow")


def let_be(screen: Screen, answer: Answer) -> None:
    screen.say(f"decided: {answer['people']} of {answer['ref']} count as made and are not shown any more")
