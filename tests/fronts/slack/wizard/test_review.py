"""Changes of a campaign that has started, in the words of its forms."""

from __future__ import annotations

import pytest

from fluentsd.fronts.slack.wizard.review import _changes
from fluentsd.verbs.answers.campaigns import Applied, Change


@pytest.mark.parametrize(
    ("path", "old", "new", "line"),
    [
        ("window.hours", "09:00-17:00", {"mon": "9-12"}, "*Contact window · Hours*: 09:00-17:00 → mon 9-12"),
        ("window.days", ["mon"], ["sat", "sun"], "*Contact window · Days*: Monday → Saturday, Sunday"),
        ("window.timezone", "contact", "America/Chicago",
         "*Contact window · Time zone*: each person's own zone → America/Chicago"),
        ("window.blackout", ["us-tx", "2026-12-24"], [],
         "*Contact window · No contact on these holidays*: Texas, United States, 2026-12-24 → –"),
        ("step.late.when", None, "last.outcome == 'no_answer'",
         "*late · Only if the previous step ended in*: – → no answer"),
        ("step.late.when", "contact.a == 1", None, "*late · Only if the previous step ended in*: contact.a == 1 → –"),
        ("step.late.after", "0", "2 hours", "*late · Wait after the previous step*: at once → 2 hours"),
        ("step.late.retry.busy", None, "1 day", "*late · Try again after busy*: do not try again → 1 day"),
        ("step.order", ["a", "b"], ["b", "a"], "*The order of the steps*: a, b → b, a"),
        ("law.waive", [], [{"rule": "US.hours", "because": "agreed", "by": "Ada"}],
         "`law.waive`: – → US.hours agreed Ada"),
        ],
)  # fmt: skip
def test_a_change_is_said_as_its_form_shows_it(path: str, old: object, new: object, line: str) -> None:
    found = Applied("spring", changes=(Change(path, old, new, "everybody, at once"),))
    assert f"• {line} · for everybody, at once" in str(_changes(found)[0]["text"]["text"]).replace("\u200b", "")
