"""Messages as a person gets them: below the form of a step while it is written, and after a text is stored.

What must not live here: the rendering (`verbs`), and the forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.fronts.slack.blocks.layout import Block, section
from fluentsd.fronts.slack.blocks.wording import ours, point, safe
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.words import is_point
from fluentsd.verbs import Refused
from fluentsd.verbs.answers.templates import Preview, StepPreview

#: Above a message with the values of nobody.
EXAMPLE = "*Example*, with the values of an invented person"


async def of_step(session: Session, ref: str, step: Mapping[str, Any]) -> list[Block]:
    """A text or e-mail as a person of the campaign gets it, and what is wrong with it; nothing before it has words."""
    if step.get("channel") not in ("sms", "email") or not any(step.get(part) for part in ("text", "html", "template")):
        return []
    try:
        found = await session.run("campaign preview-step", {"ref": ref, "step": dict(step)})
    except Refused as why:
        return [section(f"*Preview*\n⚠️ {ours(str(why), 400)}")]
    who = point(found.person) if is_point(found.person) else safe(found.person, 60)
    return message_of(found, f"*Preview*: as {who} gets it" if who else f"{EXAMPLE}: nobody is in the campaign yet")


def message_of(found: Preview | StepPreview, head: str) -> list[Block]:
    """The words of a message below a headline, and what its channel finds wrong with it."""
    subject = f"*{safe(found.subject, 200)}*\n" if found.subject else ""
    body = "\n".join(f">{safe(line, 300)}" for line in (found.text or found.html or "").splitlines()[:30])
    wrong = [f"⚠️ {ours(one.what, 200)}" + (f" {ours(one.fix, 200)}" if one.fix else "")
             for one in found.findings if not one.ok]  # fmt: skip
    return [section(f"{head}\n{subject}{body}"[:2900]), *([section("\n".join(wrong))] if wrong else [])]
