"""How each verb's answer looks, on whatever screen it goes to.

Here lives one small function for each kind of answer, and the table `VIEWS` from verbs to them. What must not live
here: boxes and pipes (`show`), single values (`cells`). A view ends with the command one would type next, where there
is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fluentsd.cli.format import STYLES, cell, people, when
from fluentsd.cli.views import contacts, explain, holds, numbers, templates

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

Answer = Mapping[str, Any]


def _check(screen: Screen, answer: Answer) -> None:
    import tomli_w

    screen.say(tomli_w.dumps(answer["settings"]), "dim")
    for finding in answer["findings"]:
        screen.say(f"{'ok  ' if finding['ok'] else 'BAD '} {finding['what']}", "green" if finding["ok"] else "red")
        if finding["fix"] and not finding["ok"]:
            screen.say(f"      fix: {finding['fix']}")


def plain(screen: Screen, answer: Answer) -> None:
    """An answer without a view of its own: a line for each of its facts."""
    for key, value in answer.items():
        screen.say(f"{key}: {cell(value)}")


OVERVIEW = ("total", "queued", "active", "errored", "exited", "completed")


def _overview(screen: Screen, answer: Answer) -> None:
    screen.table(
        ["#Total", "#Queued", "#Active", "#Errored", "#Exited", "#Completed", "Started on"],
        [[*(answer[k] for k in OVERVIEW), when(answer["started_at"]) or "not yet"]],
    )


def _moved(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['ref']} is {answer['state']}", STYLES.get(answer["state"], ""))
    if answer.get("starts_at"):
        screen.say(f"it starts at {when(answer['starts_at'])}")
    if "total" in answer:
        _overview(screen, answer)


def _listing(screen: Screen, answer: Answer) -> None:
    if not answer["campaigns"]:
        screen.say("no campaigns yet; begin with: fluentsd campaign new")
        return
    screen.table(
        [
            "Campaign",
            "State",
            "#Total",
            "#Queued",
            "#Active",
            "#Errored",
            "#Exited",
            "#Completed",
            "Owner",
            "Started on",
        ],
        [
            [c["ref"], c["state"], *(c[k] for k in OVERVIEW), c["owner"], when(c["started_at"])]
            for c in answer["campaigns"]
        ],
    )


def _status(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['name']} ({answer['ref']}) is {answer['state']}", STYLES.get(answer["state"], ""))
    _overview(screen, answer)
    if answer["state"] == "active" and answer["next_at"]:
        screen.say(f"next: somebody is due at {when(answer['next_at'])}")
    if answer["attempts"]:
        screen.say(f"attempts made: {answer['attempts']}")
    holds.lines(screen, answer["holds"])
    for reason, count in answer["held_people"].items():
        screen.say(f"waiting for a fact to change: {people(count)}: {reason}", "yellow")
    for reason, count in answer["exited_by_reason"].items():
        screen.say(f"{count} exited: {reason}")
    if answer["unknown"]:
        look = f"fluentsd unknown list {answer['ref']}"
        screen.say(f"attempts nobody could prove: {answer['unknown']}; see: {look}", "yellow")
    if answer["errored"]:
        screen.say(f"in error: {people(answer['errored'])}; see: fluentsd campaign errors {answer['ref']}", "red")


def _report(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['name']} ({answer['ref']}) is {answer['state']}", STYLES.get(answer["state"], ""))
    _overview(screen, answer)
    outcomes = sorted({o for step in answer["steps"] for o in step["outcomes"]})
    screen.table(
        ["Step", "#Waiting", "#Attempts", *(f"#{o}" for o in outcomes)],
        [
            [s["step"], s["waiting"], sum(s["outcomes"].values()), *(s["outcomes"].get(o, 0) for o in outcomes)]
            for s in answer["steps"]
        ],
    )
    for reason, count in answer["exited_by_reason"].items():
        screen.say(f"{count} exited: {reason}")


def _apply(screen: Screen, answer: Answer) -> None:
    dry = " (dry run: nothing was changed)" if answer["dry_run"] else ""
    if answer["created"]:
        screen.say(f"{answer['ref']} {'would be' if dry else 'is'} a new draft{dry}", "green")
        if not dry:
            screen.say(f"next: fluentsd contacts import FILE --campaign {answer['ref']}")
        return
    count = len(answer["changes"])
    if not count:
        screen.say(f"{answer['ref']} says that already; nothing was changed")
        return
    screen.say(f"{answer['ref']}: {count} change{'' if count == 1 else 's'}{dry}")
    screen.table(
        ["What", "Was", "Is now", "Counts for"],
        [[c["path"], json.dumps(c["old"]), json.dumps(c["new"]), c["counts_for"]] for c in answer["changes"]],
    )
    standing = ", ".join(f"{step}: {count}" for step, count in answer["people_at_steps"].items())
    if standing:
        screen.say(f"people now at steps: {standing}")
    if answer["keep_their_flow"]:
        screen.say(f"{people(answer['keep_their_flow'])} keep the steps and texts they entered with; to move them: "
                   f"fluentsd campaign upgrade {answer['ref']} --dry-run")  # fmt: skip
    if answer["retimed"]:
        screen.say(f"{people(answer['retimed'])} who wait are put at the moments the new hours give")


def _errors(screen: Screen, answer: Answer) -> None:
    if not answer["causes"]:
        screen.say(f"nobody in {answer['ref']} is in error", "green")
        return
    screen.table(
        ["#No", "Cause", "#People", "Among them"],
        [[i, c["cause"], c["people"], ", ".join(c["some"])] for i, c in enumerate(answer["causes"], 1)],
    )
    screen.say(f"put back into the queue: fluentsd campaign retry {answer['ref']} [--cause N | --person WHO]")
    screen.say(f"or let them leave: fluentsd campaign dismiss {answer['ref']} [--cause N | --person WHO]")


def _settled(done: str) -> Callable[[Screen, Answer], None]:
    def view(screen: Screen, answer: Answer) -> None:
        screen.say(f"{done}: {people(answer['people'])}; {answer['ref']} is {answer['state']}")

    return view


def _copied(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['ref']} is a new draft with nobody in it", "green")


def _archived(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['ref']} is archived; its history stays: fluentsd campaign list --archived")


def _given(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['ref']} belongs to {answer['owner']} now")


def _log(screen: Screen, answer: Answer) -> None:
    screen.table(
        ["When", "Who", "Did", "To", "Details"],
        [[when(e["at"]), e["actor"], e["verb"], e["target"], json.dumps(e["details"]) if e["details"] else ""]
         for e in answer["entries"]],
    )  # fmt: skip


def _export(screen: Screen, answer: Answer) -> None:
    import tomli_w

    # a carriage return does not survive in text over several lines; then each text stays on one
    over_lines = "\\r" not in json.dumps(answer["file"])
    print(tomli_w.dumps(answer["file"], multiline_strings=over_lines), end="")  # noqa: T201 - it is a file


def _show(screen: Screen, answer: Answer) -> None:
    _moved(screen, answer)
    _export(screen, answer)


def _started(screen: Screen, answer: Answer) -> None:
    _moved(screen, answer)
    explain.lines(screen, answer)


def _resumed(screen: Screen, answer: Answer) -> None:
    if answer.get("dry_run"):
        screen.say(f"{answer['ref']} would go on (dry run: nothing was changed)")
    else:
        _moved(screen, answer)
    if not answer["late"]:
        return
    what = {
        "drip": f"they are made little by little until about {when(answer.get('late_done_at'))}",
        "shift": f"everybody's course moves by {answer['away_s'] // 60:,} minutes",
        "skip": "those steps are skipped, and the flow goes on",
    }
    channels = ", ".join(f"{channel} {count}" for channel, count in answer["late_by_channel"].items())
    screen.say(f"{people(answer['late'])} fell due meanwhile ({channels}): {what[answer['late_policy']]}", "yellow")


VIEWS: dict[str, Callable[[Screen, Answer], None]] = {
    "campaign apply": _apply,
    "campaign export": _export,
    "campaign list": _listing,
    "campaign show": _show,
    "campaign status": _status,
    "campaign report": _report,
    **{f"campaign {verb}": _moved for verb in (
        "schedule", "pause", "stop", "complete", "reopen")},
    "campaign start": _started,
    "campaign resume": _resumed,
    "campaign copy": _copied,
    "campaign archive": _archived,
    "campaign owner": _given,
    "campaign errors": _errors,
    "campaign retry": _settled("queued again"),
    "campaign dismiss": _settled("taken out"),
    "contacts find": contacts.find,
    "campaign check": explain.check,
    "forecast": explain.forecast,
    "campaign why": explain.totals,
    "campaign replies": contacts.replies,
    "campaign answer": contacts.answered,
    "campaign test": contacts.tested,
    "campaign remove": contacts.removed,
    "campaign callback": contacts.promised,
    "campaign upgrade": contacts.upgraded,
    "contacts attest": contacts.attested,
    "contacts why": explain.why,
    "contacts timeline": contacts.timeline,
    "contacts export": contacts.exported,
    "contacts erase": contacts.erased,
    "calls": contacts.calls,
    "unknown list": contacts.unproved,
    "unknown retry": contacts.tried_again,
    "unknown dismiss": contacts.let_be,
    "numbers list": numbers.listing,
    "numbers sync": numbers.synced,
    "templates apply": templates.applied,
    "templates list": templates.listed,
    "templates show": templates.shown,
    "templates preview": templates.previewed,
    "templates remove": templates.removed,
    "stop-list list": contacts.stops,
    "stop-list why": contacts.stops,
    "stop-list add": contacts.stopped,
    "stop-list remove": contacts.unstopped,
    "stop-list import": contacts.stop_import,
    "holds": holds.listing,
    "log": _log,
    "check": _check,
}  # fmt: skip


def show(screen: Screen, verb: str, answer: Answer) -> None:
    """Whatever a verb answered, as JSON where that is asked for."""
    if screen.as_json:
        print(json.dumps(answer, ensure_ascii=False, indent=2, default=str))  # noqa: T201 - the shell's own output
        return
    VIEWS.get(verb, plain)(screen, answer)
