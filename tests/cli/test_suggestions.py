"""Suggested verbs as commands of the shell."""

from __future__ import annotations

from fluentsd.cli.suggestions import command, fix
from fluentsd.verbs import Suggestion


def test_a_verb_becomes_a_command_with_its_arguments() -> None:
    assert command("campaign resume", {"ref": "q2"}) == "fluentsd campaign resume q2"
    assert command("campaign start", {"ref": "q2", "yes": True}) == "fluentsd campaign start q2 --yes"
    assert command("holds", {}) == "fluentsd holds"


def test_what_the_person_has_to_give_is_in_capitals() -> None:
    assert command("numbers add", {"tag": ["sales"]}) == "fluentsd numbers add NUMBER --tag sales"
    assert command("campaign copy", {"ref": "q2"}) == "fluentsd campaign copy q2 NEW_REF"
    asked = command("suppression remove", {"point": "+12125550123", "because": None})
    assert asked == "fluentsd suppression remove +12125550123 --because BECAUSE"


def test_the_import_from_a_file_is_a_command_of_the_shell() -> None:
    assert command("contacts import", {"campaign": "q2"}) == "fluentsd contacts import FILE --campaign q2"


def test_a_value_is_quoted_for_the_shell() -> None:
    assert command("contacts find", {"words": "; rm -rf"}) == "fluentsd contacts find '; rm -rf'"


def test_an_option_with_several_values_is_repeated() -> None:
    assert command("campaign upgrade", {"ref": "q2", "step": ["a=b", "c=d"]}).endswith("q2 --step a=b --step c=d")


def test_a_verb_that_this_shell_does_not_know_keeps_its_name() -> None:
    assert command("campaign dance", {"ref": "q2"}) == "fluentsd campaign dance"


def test_a_refusal_ends_with_its_command() -> None:
    assert fix(Suggestion("campaign resume", {"ref": "q2"})) == ": fluentsd campaign resume q2"
    assert fix(None) == ""
