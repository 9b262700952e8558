"""Words that are no command: answered by their meaning, never with the opposite; and refusals as JSON."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from fluentsd.cli.app import words_of
from fluentsd.cli.guesses import GUESSES, answer
from tests.cli.shell import Person


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("serve", "To do that: fluentsd run"),
        ("campaign create", "fluentsd campaign new FILE, edit it, then: fluentsd campaign apply FILE"),
        ("campaign edit fair", "fluentsd campaign export REF > FILE"),
        ("campaign delete fair", "fluentsd campaign archive REF"),
        ("campaign run fair", "fluentsd campaign start REF"),
        ("campaign unpause fair", "fluentsd campaign resume REF"),
        ("campaign abort fair", "fluentsd campaign stop REF"),
        ("unpause fair", "fluentsd campaign resume REF"),
        ("contacts list", "fluentsd contacts find WORDS"),
        ("contacts show jane", "fluentsd contacts timeline PERSON"),
        ("contacts add jane", "fluentsd contacts import FILE --campaign REF"),
        ("campaign CREATE", "fluentsd campaign new FILE"),
        ("upgrade", "the database is upgraded when the new version starts; before that: fluentsd backup FILE"),
    ],
)
def test_a_guess_is_answered_by_its_meaning(person: Person, typed: str, part: str) -> None:
    assert part in person.is_refused(*typed.split(), status=2)


def test_a_resemblance_is_never_the_opposite() -> None:
    known = ["pause", "archive", "hold", "approve", "start", "list"]
    for word in ("unpause", "unarchive", "unhold", "disapprove", "unstart"):
        assert answer("nowhere", word, known) == ""
    assert answer("nowhere", "puase", known) == "Did you mean 'pause'?"


def test_no_guess_is_a_command_and_every_answer_names_commands_that_exist() -> None:
    for group, words in GUESSES.items():
        assert not set(words) & set(words_of(group)), group
        for said in words.values():
            for command in re.findall(r"fluentsd ([a-z]+(?: [a-z-]+)?)", said):
                first, *rest = shlex.split(command)
                assert first in words_of(""), command
                assert not rest or not words_of(first) or rest[0] in words_of(first), command


def test_help_is_a_command_too(person: Person) -> None:
    assert person.gets("help").out == person.gets("--help").out
    assert "Call one person at a promised time" in person.gets("help", "campaign").out
    assert person.gets("--version").out.startswith("fluentsd ")


@pytest.mark.parametrize(
    ("typed", "status"),
    [("campaign status fair --json", 1), ("campaign stat fair --json", 2), ("init . --json", 1),
     ("campaign apply nope.toml --json", 1), ("history --since soon --json", 1), ("campaign start --json", 2)],
)  # fmt: skip
def test_a_refusal_is_json_when_json_was_asked_for(person: Person, typed: str, status: int) -> None:
    said = json.loads(person.is_refused(*typed.split(), status=status))
    assert set(said) == {"refused", "suggestion", "status"}
    assert said["status"] == status
    assert said["refused"]


def test_archiving_a_draft_with_people_asks_and_is_taken_back(person: Person) -> None:
    person.gets("campaign", "apply", "fair.toml")
    person.gets("contacts", "import", "people.csv", "--campaign", "fair")
    message = person.is_refused("campaign", "archive", "fair")
    assert "fair is a draft with 2 people who have not been contacted; nothing was changed" in message
    assert message.endswith("fluentsd campaign archive fair --yes")
    assert "campaign unarchive fair" in person.gets("campaign", "archive", "fair", "--yes").out
    for typed in ("campaign start fair", "campaign apply fair.toml", "contacts import people.csv --campaign fair",
                  "campaign callback fair lima tomorrow 3pm", "campaign retry fair",
                  "campaign pause fair"):  # fmt: skip
        assert "fair is archived; nothing was changed. Bring it back first: fluentsd campaign unarchive fair" in (
            person.is_refused(*typed.split())
        )
    assert person.gets("campaign", "unarchive", "fair").out == "fair is back, and is draft\n"
    assert person.figures() == [2, 2, 0, 0, 0, 0]
    assert "fair is not archived" in person.is_refused("campaign", "unarchive", "fair")
