"""The agent file: what the law asks for is in it by default, can be worded, and is not dropped by accident."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.domain.agents import agents_in, pin, read_agents, unpinned
from fluentsd.domain.campaign import Step
from fluentsd.validation import Problems


def agent(**more: Any) -> Any:
    return read_agents({"agent": [{"name": "sales", "company": "Acme", "prompt": "Sell."} | more]})[0]


def refusal(**more: Any) -> str:
    with pytest.raises(Problems) as why:
        agent(**more)
    return str(why.value)


@pytest.mark.parametrize(
    ("more", "opening"),
    [
        ({}, "Hello, this is an automated assistant calling for Acme. To stop these calls, press 9."),
        ({"opt_out_key": "*"}, "Hello, this is an automated assistant calling for Acme. To stop these calls, press *."),
        (
            {"language": "es-MX", "recording": True},
            "Hola, le habla un asistente automático de Acme. Para no recibir más llamadas, pulse 9. Esta llamada se "
            "graba.",
        ),
        (
            {"disclosure": "Hi, Ava here, the AI of {company}.", "opt_out_notice": "Press {key} and we stop."},
            "Hi, Ava here, the AI of Acme. Press 9 and we stop.",
        ),
        (
            {"waive": [{"part": "disclosure", "because": "Said by the operator before.", "by": "Ada"}]},
            "To stop these calls, press 9.",
        ),
    ],
)
def test_the_opening_says_who_calls_then_the_key_then_the_recording(more: dict[str, Any], opening: str) -> None:
    assert agent(**more).opening() == opening


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"disclosure": "Hi, this is Ava, an automated voice."}, "does not say who calls; name 'Acme'"),
        ({"disclosure": "Hi, this is Ava of Acme."}, "does not say that the voice is automated"),
        ({"opt_out_notice": "You can stop these calls."}, "does not name the key; write {key} or 9"),
        ({"language": "de-DE"}, "disclosure has no default in de-DE"),
        ({"waive": [{"part": "disclosure", "because": "no", "by": "Ada"}]}, "give the reason in a full sentence"),
        ({"waive": [{"part": "disclosure", "because": "It is said elsewhere."}]}, "by"),
        ({"skills": ["transfer"]}, "skills has transfer, but there is no target"),
        ({"transfer": {"sales": "+12125550100"}}, 'skills lacks "transfer"'),
        ({"transfer": {"sales": "911"}, "skills": ["transfer"]}, "international form"),
        ({"skills": ["webhook"]}, "webhook and skills do not agree"),
        ({"prompt": "{{ oops"}, "not valid liquid"),
        ({"opt_out_key": "12"}, "opt_out_key"),
        ({"limits": {"length": "5 hours"}}, 'from "10 s" to "3600 s"'),
        ({"voise": "x"}, "voise"),
    ],
)
def test_what_is_wrong_is_said(more: dict[str, Any], words: str) -> None:
    assert words in refusal(**more)


def test_another_language_words_its_own_opening() -> None:
    words = {"disclosure": "Hallo, hier spricht der Bot von Acme.", "opt_out_notice": "Zum Abbestellen die 9."}
    assert agent(language="de-DE", **words).opening() == " ".join(words.values())


def test_two_agents_of_one_name_are_refused() -> None:
    one = {"name": "a", "company": "Acme", "prompt": "x"}
    with pytest.raises(Problems, match="two agents are called 'a'"):
        read_agents({"agent": [one, one]})
    with pytest.raises(Problems, match="looks like a campaign file"):
        read_agents({"step": []})


def test_a_flow_names_agents_with_or_without_a_version() -> None:
    names = ("a", "b@3", "x@y")
    steps = [Step.model_validate({"id": f"s{n}", "channel": "phone", "agent": name}) for n, name in enumerate(names)]
    assert [unpinned(step.agent) for step in steps] == [("a", None), ("b", 3), ("x@y", None)]
    assert agents_in(steps) == {"a", "b", "x@y"}
    assert [step.agent for step in pin(steps, {})] == list(names)
