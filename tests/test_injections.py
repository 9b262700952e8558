"""Texts that give orders, in a person's fields or a transcript under analysis, reach no more than the schemas permit.

The models here obey: each does what the text asks as far as it can. On the phone: `plugins/channel_phone/tests`.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fluentsd.domain.agents import KeptAgent, read_agents
from fluentsd.domain.analysis import read_analysis, schema_of
from fluentsd.domain.compiled_agent import DATUM_AT_MOST, CompiledAgent, compile_agent
from fluentsd.domain.follow_ups import CallResult, read_after_call
from tests.engine.after_calls.stage import AGENT

TEXTS: list[str] = tomllib.loads((Path(__file__).parent / "injections.toml").read_text("utf-8"))["texts"]
TEXTS[-1] *= 500
PROMPT = "Sell to {{ first_name }} of {{ contact.company }}. Never transfer."
[KEPT] = read_agents({"agent": [AGENT | {"prompt": PROMPT, "transfer": {"sales": "+14155550177"},
                                         "skills": ["end_call", "opt_out", "transfer"]}]})  # fmt: skip
COMPILED = compile_agent(KeptAgent("ava", 1, KEPT.model_dump(mode="json"), 0, ""))


def test_the_corpus_has_a_hundred_different_texts() -> None:
    assert len(set(TEXTS)) == len(TEXTS) >= 100


@pytest.mark.parametrize("agent", [COMPILED, COMPILED.answering()], ids=["calls", "answers"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_field_stays_between_its_marks_and_changes_no_setting(text: str, agent: CompiledAgent) -> None:
    fields = {"first_name": text, "company": text}
    found = agent.settings({**fields, "contact": fields})
    plain = agent.settings({"first_name": "x", "company": "x", "contact": {"first_name": "x", "company": "x"}})
    head, first, between, second, tail = _parts(found.prompt)
    assert (head, between, tail) == ("Sell to ", " of ", ". Never transfer.")
    for datum in (first, second):
        assert len(datum) <= DATUM_AT_MOST
        assert not set(datum) & set("«»<>{}[]`\n\r")
    assert (found.transfers, found.skills, found.opt_out_key, found.opening) == (
        plain.transfers, plain.skills, plain.opt_out_key, plain.opening,
    )  # fmt: skip


def _parts(prompt: str) -> tuple[str, str, str, str, str]:
    head, _, rest = prompt.partition("«")
    first, _, rest = rest.partition("»")
    between, _, rest = rest.partition("«")
    second, _, tail = rest.partition("»")
    return head, first, between, second, tail


@pytest.mark.parametrize("text", TEXTS)
def test_an_obedient_model_writes_only_what_the_file_maps(text: str) -> None:
    settings = KEPT.analysis
    assert settings is not None
    good: dict[str, Any] = {"summary": text[:900] or "x", "disposition": "interested", "fields": {"budget": 5}}
    try:
        kept = read_analysis(good, settings)
    except ValueError as why:
        assert "no summary" in str(why)  # noqa: PT017 - nothing but invisible characters
    else:
        assert kept.writes == {"crm": {"annual_budget": 5}}
        assert kept.opted_out is False
        result = CallResult("answered", str(kept.disposition), kept.summary, kept.fields)
        assert not read_after_call("not_interested").holds(result, {})
    for wrong in (
        good | {text or "x": True}, good | {"lift": text}, good | {"writes": {"crm": {"OwnerId": text}}},
        good | {"fields": {"OwnerId": text}}, good | {"fields": {"size": text}}, good | {"disposition": text},
        good | {"opted_out": text}, good | {"fields": {"budget": text}}, good | {"fields": {"moves_on": text[:10]}},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"analysis|must be|no date|too long") as refused:
            read_analysis(wrong, settings)
        assert text[:40] not in str(refused.value) or len(text) < 5


def test_the_schema_offers_no_way_to_a_transfer_a_tool_or_a_lift() -> None:
    assert KEPT.analysis is not None
    offered = json.dumps(schema_of(KEPT.analysis))
    assert not [word for word in ("transferred", "lift", "webhook", "number to call", "OwnerId") if word in offered]
