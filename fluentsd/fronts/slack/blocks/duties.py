"""What the law asks of the people behind a campaign and no program can check: by subject, with a number on the launch
card, and one by one in a view of its own.

What must not live here: which points concern a campaign (`domain.statutes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluentsd.fronts.slack.blocks.layout import Block, Message, button, message, paragraphs, section
from fluentsd.fronts.slack.blocks.wording import count, ours, safe
from fluentsd.verbs.answers.explain import Check, Duty

#: Subjects in the order in which they are shown, with the ends of the ids of their points.
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "Registration, licenses and permits": ("registration", "licence", "permit", "script", "10dlc"),
    "Who must not be called": ("mobile-ban", "auto-ban", "dnc-subscription", "dnc-policy", "reassigned"),
    "Consent, and how it ends": ("mobile-consent", "auto-consent", "text-consent", "revocation", "revoke-all"),
    "What a call or message says": ("identify", "opt-out-key", "ai-disclosure", "ring", "can-spam"),
}  # fmt: skip
OTHERS = "Other points"


def by_subject(found: Sequence[Duty]) -> dict[str, list[Duty]]:
    """The points by subject; a subject without any is left out."""
    made: dict[str, list[Duty]] = {subject: [] for subject in (*SUBJECTS, OTHERS)}
    for duty in found:
        end = duty.rule.rpartition(".")[2]
        made[next((subject for subject, ends in SUBJECTS.items() if end in ends), OTHERS)].append(duty)
    return {subject: duties for subject, duties in made.items() if duties}


def duties(check: Check) -> Message:
    """All points, below their subjects."""
    if not check.duties:
        return message("the law asks nothing of this campaign that fluentsd does not check")
    head = f"*What the law asks of you for {safe(check.name, 100)}*\nNo program can check it."
    made = [section(head)]
    for subject, found in by_subject(check.duties).items():
        lines = [f"• {ours(duty.says)} ({ours(duty.cite)})" for duty in found]
        made += paragraphs([f"*{subject}* ({len(found)})", *lines])
    return message("legal points", *made)


def summary(check: Check) -> list[Block]:
    """How many there are of each subject, and the way to all of them."""
    if not check.duties:
        return []
    points = count(len(check.duties), "legal point", "legal points")
    lines = [f"• {subject}: {len(found)}" for subject, found in by_subject(check.duties).items()]
    show = button("Show", "open:duties", {"ref": check.ref})
    return [section("\n".join([f"⚖️ *{points}* to check before the first start", *lines]), accessory=show)]
