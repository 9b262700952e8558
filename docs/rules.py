"""Draws `docs/rules.md` from `fluentsd/domain/rules/us.toml`: `python docs/rules.py`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fluentsd.domain import statutes
from fluentsd.domain.places import readings
from fluentsd.domain.statutes import Rule

_HEAD = """# The rules of the place

Drawn from `fluentsd/domain/rules/us.toml` by `python docs/rules.py`; a test compares them. As of {version}.

Every decision to contact a person applies the strictest of these rules for every state where the person may be (by zone
field, address and telephone numbers), and names the rule. Hours are local to the person. A rule applies only on dates
on which it is in force. Most of these laws cover sales calls to consumers; the rules apply to everyone, and a campaign
may waive a rule by its name, with a reason that is kept. This is not legal advice.

The last column: **verified** means that the cited text was read; **secondary** that a secondary source reports it;
**unverified** that sources differ, or that a part of the row is computed or from memory. Have a lawyer check the
unverified rules before you rely on them: {unverified}.

Outside the United States no rules are shipped: the campaign's own contact window decides there.
"""
_KINDS = {
    "hours": "calls and texts", "auto-hours": "AI calls", "cap": "frequency", "auto-cap": "frequency, AI calls",
    "consent": "consent", "scrub": "do-not-call list", "keep": "records", "duty": "duty",
}  # fmt: skip


def draw() -> str:
    """The whole page."""
    rules = statutes.all_rules()
    doubtful = ", ".join(f"`{rule.id}`" for rule in rules if rule.status == "unverified" and rule.kind != "duty")
    law = [rule for rule in rules if rule.kind != "duty"]
    duties = [rule for rule in rules if rule.kind == "duty"]
    parts = [
        _HEAD.format(version=statutes.VERSION, unverified=doubtful),
        "## Everywhere in the United States\n",
        _table(rule for rule in law if rule.state == "US"),
        "## People in an unknown state\n",
        _table(rule for rule in law if rule.state == "US-unknown"),
        *_by_state(law),
        "## Duties\n",
        "Duties that a team must fulfil itself. The launch check lists those of the states that a campaign reaches.\n",
        _table(duties),
        "## Sources\n",
        "\n".join(f"- **{name}**: {text}." for name, text in _file()["sources"].items()) + "\n",
    ]
    return "\n".join(parts)


def _by_state(law: list[Rule]) -> Iterable[str]:
    """The states with their own rules, then those without."""
    yield "## State by state\n"
    yield _table(rule for rule in law if rule.state not in ("US", "US-unknown"))
    federal = _file()["federal_hours"]
    names = {state.code: name.title() for name, state in readings.states().items() if len(name) > 2}
    plain = ", ".join(sorted(names[code].replace(" Of ", " of ") for code in federal["states"]))
    unproven = " and ".join(sorted(names[code] for code in federal["unproven"]))
    yield f"Federal hours alone: {plain}. For {unproven} no rule was found; one may exist.\n"


def _table(rules: Iterable[Rule]) -> str:
    """One row per rule, with its note below the text."""
    lines = [
        "| rule | about | text | from | until | source | checked |",
        "|---|---|---|---|---|---|---|",
    ]
    for rule in rules:
        says = f"{rule.says}<br>*{rule.note}*" if rule.note else rule.says
        until = rule.until or ""
        source = f"[text]({rule.source})" if rule.source.startswith("http") else rule.source
        lines.append(
            f"| `{rule.id}` | {_KINDS[rule.kind]} | {says} | {rule.since or ''} | {until} | {rule.cite} "
            f"| {rule.status} ({source}) |"
        )
    return "\n".join([*lines, ""])


def _file() -> dict[str, Any]:
    return readings.rules("us.toml")


if __name__ == "__main__":
    (Path(__file__).parent / "rules.md").write_text(draw(), "utf-8")
