"""Templates from a file, as the shell takes them."""

from __future__ import annotations

import tomllib

import pytest

from tests.cli.shell import WORDS, Person


@pytest.mark.slow
def test_templates_come_from_a_file_and_long_words_from_files_beside_it(launched: Person) -> None:
    file = launched.folder / "words.toml"
    file.write_text(WORDS)
    assert "there is no file" in launched.is_refused("templates", "apply", "words.toml")
    (launched.folder / "offer.html").write_text("<p>Dear {{ first_name }},</p>\n")
    message = launched.gets("templates", "apply", "words.toml", "--dry-run").out
    assert "hello is new, by sms (dry run: nothing was changed)" in message
    assert "no templates; create one" in launched.gets("templates", "list").out
    assert "offer is new, by email" in launched.gets("templates", "apply", "words.toml").out
    printed = launched.gets("templates", "show", "offer").out
    assert tomllib.loads(printed)["template"][0]["html"] == "<p>Dear {{ first_name }},</p>\n"
    (launched.folder / "again.toml").write_text(printed)
    assert "offer is the same as the file" in launched.gets("templates", "apply", "again.toml").out
    file.write_text(WORDS.replace("see you", "bye"))
    assert "hello is version 2 now: text changed" in launched.gets("templates", "apply", "words.toml").out
    assert [row[:3] for row in launched.gets("templates", "list").rows[1:]] == [
        ["hello", "sms", "2"], ["offer", "email", "1"],
    ]  # fmt: skip
    assert "bye" in launched.gets("templates", "preview", "hello", "--person", "lima").out
    assert "did you mean hello?" in launched.is_refused("templates", "remove", "helo")
    assert "hello is archived" in launched.gets("templates", "remove", "hello").out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty; write [[template]]"),
        ("[[template]]\nname = 1", "template[1]"),
        ("name = 'x'\n[window]\nhours = '9-5'\n[[step]]\nid = 'a'\n", "fluentsd campaign apply"),
        ("[[template]", "is not a template file"),
    ],
)
def test_a_file_that_holds_no_templates_is_refused(launched: Person, text: str, why: str) -> None:
    (launched.folder / "words.toml").write_text(text)
    message = launched.is_refused("templates", "apply", "words.toml")
    assert why in message
    assert "nothing was changed" in message
