"""Draw `docs/rules.md` from `fluentsd/domain/rules/us.toml`: `python docs/rules.py`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fluentsd.domain import statutes
from fluentsd.domain.places import readings
from fluentsd.domain.statutes import Rule

_HEAD = """# The rules of the place

Drawn from `fluentsd/domain/rules/us.toml` by `python docs/rules.py`; a test keeps it so. As of {version}.

Every decision to contact a person applies the strictest of these rules, for every state the person may be in (by zone
field, address and telephone numbers), and names the rule it rests on. Hours are local to the person. A rule that is
not in force on a date says nothing on that date. Most rules cover sales calls to consumers; they are applied to
everybody, and a campaign may waive a rule by its name, with a reason that is kept. This is no legal advice.

Checked: **verified** means that the text cited was read; **secondary** that it is told by others who read it;
**unverified** that sources differ, or that something in the row is computed or remembered. Have counsel look at what
is unverified before you rely on it: {unverified}.

Outside the United States no rules are shipped: the campaign's own contact window decides there.
"""
_KINDS = {
    "hours": "calls and texts", "auto-hours": "AI calls", "cap": "how often", "auto-cap": "how often, AI calls",
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
        "What a team has to see to itself. A campaign names those of the states it reaches before it starts.\n",
        _table(duties),
        "## Sources\n",
        "\n".join(f"- **{name}**: {words}." for name, words in _file()["sources"].items()) + "\n",
    ]
    return "\n".join(parts)


def _by_state(law: list[Rule]) -> Iterable[str]:
    """The states with rules of their own, then those without."""
    yield "## State by state\n"
    yield _table(rule for rule in law if rule.state not in ("US", "US-unknown"))
    federal = _file()["federal_hours"]
    names = {state.code: name.title() for name, state in readings.states().items() if len(name) > 2}
    plain = ", ".join(sorted(names[code].replace(" Of ", " of ") for code in federal["states"]))
    unproven = " and ".join(sorted(names[code] for code in federal["unproven"]))
    yield f"Federal hours alone: {plain}. For {unproven} no rule was found, which does not prove that there is none.\n"


def _table(rules: Iterable[Rule]) -> str:
    """One row for each rule, its note under what it says."""
    lines = [
        "| rule | about | what it says | from | until | where it stands | checked |",
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
