"""Forms about people who are known already: who of them enters the campaign, and what is attested of those in it.

What must not live here: rules of entering (`verbs.known_people`) and of consent (`verbs.consent`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.fronts.slack.blocks.layout import Block, section
from fluentsd.fronts.slack.blocks.wording import consent, count, plain, safe
from fluentsd.fronts.slack.forms.fields import Field, blocks, filled
from fluentsd.fronts.slack.forms.kinds import Choice, Many, Pick
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard.consent import ANSWERS_FOR_IT, consent_fields
from fluentsd.fronts.slack.wizard.drawing import draw_below
from fluentsd.fronts.slack.wizard.view import wizard_view
from fluentsd.fronts.slack.wizard.view_state import Place
from fluentsd.verbs import Refused

Ack = Mapping[str, Any] | None
#: Before the ref of a campaign, and the name of a file or CRM, as values of the select.
CAMPAIGN, SOURCE = "campaign: ", "source: "

EXISTING = (
    Field("existing.origin", "Whom", Pick("origin", placeholder="a file, a CRM or a campaign"), "People whom the "
          "installation knows from there. Nobody enters twice.", required=True),
    Field("existing.states", "Of a campaign: those who", Many((
        ("completed", "had the whole flow"), ("exited", "left it"), ("queued", "wait in it"),
        ("active", "are being contacted just now"), ("errored", "are in error")), ("completed", "exited"))),
    Field("existing.reason", "Of a campaign: only those who left because they", Choice((
        ("any", "left for any reason"), ("unreachable", "could not be reached"), ("answered", "answered a call"),
        ("replied", "replied"), ("goal", "reached the goal"), ("left_segment", "left the segment"))),
        "Who has opted out is contacted by nobody."),
)  # fmt: skip
ATTEST = consent_fields("attest", "given", asked=True)


def existing_view(place: Place) -> Block:
    """The form that takes known people in."""
    return wizard_view(place, "Known people", blocks(EXISTING, {}), "Enroll", "Back")


async def enrolled(session: Session, place: Place) -> Ack:
    """Enroll them, and say how many."""
    given = filled(EXISTING, {}, session.interaction.answers).get("existing") or {}
    origin = str(given.get("origin") or "")
    of_campaign = origin.startswith(CAMPAIGN)
    if not of_campaign and not origin.startswith(SOURCE):
        return _error("existing.origin", "Choose a file, a CRM or a campaign.")
    arguments: dict[str, Any] = {"ref": place.ref}
    if of_campaign:
        arguments |= {"campaign": origin.removeprefix(CAMPAIGN), "reason": str(given.get("reason") or "")}
        arguments |= {"state": given["states"]} if given.get("states") else {}
    else:
        arguments["source"] = origin.removeprefix(SOURCE)
    try:
        found = await session.again("enroll").run("campaign enroll", arguments)
    except Refused as why:
        return _error("existing.origin", str(why))
    await draw_below(session, place.at("people"))
    already = found.people - found.enrolled
    words = [f"{count(found.enrolled)} enrolled.", f"{count(already)} are or were in it already." if already else ""]
    return _shown(place, "Known people", " ".join(filter(None, words)))


def attest_view(place: Place) -> Block:
    """The form of an attestation about the campaign's people."""
    hint = "What a named person says of the consent of everybody who is in this campaign now."
    return wizard_view(place, "Consent", [section(f"{hint} {ANSWERS_FOR_IT}"), *blocks(ATTEST, {})], "Attest", "Back")


async def attested(session: Session, place: Place) -> Ack:
    """Keep the attestation as each person's evidence."""
    given = filled(ATTEST, {}, session.interaction.answers).get("attest") or {}
    scope = given.pop("scope", None) or ["phone", "sms", "email"]
    arguments = {"campaign": place.ref, "scope": scope, "proof": "", **given}
    try:
        found = await session.again("attest").run("contacts attest", arguments)
    except Refused as why:
        named = next((one for one in ("given", "scrubbed", "scope", "by") if one in str(why)), "given")
        return _error(f"attest.{named}", str(why))
    await draw_below(session, place.at("law"))
    words = f"{consent(found.said)}, attested by {safe(found.by)}"
    return _shown(place, "Consent", f"{count(found.people)}: {words}.")


def _shown(place: Place, title: str, words: str) -> Ack:
    view = wizard_view(Place("stored", place.ref), title, [section(words)], submit="", close="Back")
    return {"response_action": "update", "view": view}


def _error(block: str, words: str) -> Ack:
    return {"response_action": "errors", "errors": {block: plain(words, 300)}}
