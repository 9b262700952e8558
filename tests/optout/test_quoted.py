"""A phone's reaction to our message is no reply, and our words quoted back are not the person's."""

from __future__ import annotations

import pytest

from fluentsd import api
from fluentsd.optout import asks_to_stop
from fluentsd.optout.quoted import is_reaction, own_words

OURS = "Hi P01, when may we call you? Reply STOP to opt out."


@pytest.mark.parametrize(
    "text",
    [
        f"Liked “{OURS}”", f"Loved “{OURS}”", f"Disliked “{OURS}”", f"Laughed at “{OURS}”", f"Emphasized “{OURS}”",
        f"Questioned “{OURS}”", f"Reacted 👍 to “{OURS}”", f"Removed a like from “{OURS}”", f"👍 to “{OURS}”",
        f"❤️ to “ {OURS} ”", f"Le gustó “{OURS}”", f"A aimé « {OURS} »", f"Gefällt „{OURS}“", f"Curtiu “{OURS}”",
        f'Liked "{OURS}"',
    ],
)  # fmt: skip
def test_a_reaction_is_neither_reply_nor_opt_out(text):
    assert api.is_reaction(text)
    assert not asks_to_stop(text)


@pytest.mark.parametrize(
    "text", ["I liked it", "Loved it, call me", "STOP", "“STOP”", "Liked it. STOP", "👍", "", "Yes 👍"]
)
def test_a_persons_own_words_are_no_reaction(text):
    assert not is_reaction(text)


def test_our_instruction_quoted_back_is_ours_and_the_rest_is_theirs():
    assert not asks_to_stop(f"You wrote “{OURS}” and I say yes, call me")
    assert not asks_to_stop(f"> {OURS}\nYes please")
    assert asks_to_stop(f"> {OURS}\nSTOP")
    assert asks_to_stop(f"You wrote “{OURS}” so stop texting me")
    assert own_words("He said “see you at noon” twice") == "He said “see you at noon” twice"
