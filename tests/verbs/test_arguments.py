"""Kinds of parameters: a verb with one of each is checked, and is in the help, the completion, the docs and behind its
role on the control socket."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
import trio
from typer.testing import CliRunner

from fluentsd.api import Outcome
from fluentsd.cli.app import build
from fluentsd.domain.consent import BASES, CHANNELS
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.access import Access, User
from fluentsd.fronts.control import server
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.server import serve
from fluentsd.verbs import Call, Refused, catalogue, operations
from fluentsd.verbs.arguments import checked_value
from fluentsd.verbs.call import Role
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.execute import execute
from fluentsd.verbs.options import OUTCOMES
from fluentsd.verbs.verb import Kind, Param, Shape, Verb
from tests.engine.stage import MONDAY, Stage
from tests.verbs.arguments import example


def draw() -> str:
    """The page of the verbs, as it is drawn now."""
    spec = importlib.util.spec_from_file_location("verbs_page", ROOT / "docs" / "verbs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page: str = module.draw()
    return page


ROOT = Path(__file__).parents[2]
KINDS: tuple[Kind, ...] = get_args(Kind)
COLOURS = ("red", "green", "blue")
PARAMS = tuple(
    Param(
        f"a_{kind}", kind, f"the {kind}", required=kind != "flag", default=False if kind == "flag" else None,
        options=COLOURS if kind == "choice" else (),
    )
    for kind in KINDS
)  # fmt: skip


async def _all_kinds(runtime: Runtime, call: Call, **given: Any) -> dict[str, Any]:
    return {"given": given, "actor": call.actor}


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Verb:
    """A verb with one parameter of each kind, declared as any other."""
    declared = Verb("campaign kinds", "take one of each kind", "operations.kinds", PARAMS, "change", "manager")
    monkeypatch.setattr(operations, "kinds", _all_kinds, raising=False)
    monkeypatch.setitem(catalogue.VERBS, declared.name, declared)
    return declared


async def test_it_runs_with_its_role_and_not_with_less(stage: Stage, verb: Verb) -> None:
    given = {param.name: example(param) for param in verb.params}
    answer = await execute(stage.runtime, verb.name, given, Call("dana", MONDAY, role="manager"))
    assert answer == {"given": given, "actor": "dana"}
    with pytest.raises(Refused, match="needs the role manager, and dana is operator"):
        await execute(stage.runtime, verb.name, given, Call("dana", MONDAY, role="operator"))


def test_its_help_has_every_parameter_and_the_options(verb: Verb) -> None:
    shown = CliRunner().invoke(build(), ["campaign", "kinds", "--help"], env={"COLUMNS": "200"}).output
    options = {f"--a-{kind}" for kind in KINDS if kind != "data"}
    assert {option for option in options if option in shown} == options
    assert "--a-data" not in shown
    assert "red, green, blue" in shown
    assert "--a-duration DURATION" in " ".join(shown.split())


def test_its_words_options_and_choices_are_completed(verb: Verb) -> None:
    def offered(*words: str) -> list[str]:
        asked = {"_FLUENTSD_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(("fluentsd", *words)),
                 "COMP_CWORD": str(len(words))}  # fmt: skip
        done = CliRunner().invoke(build(), env=asked, prog_name="fluentsd")
        return done.output.split()

    assert "kinds" in offered("campaign", "k")
    assert {f"--a-{kind}" for kind in KINDS if kind != "data"} <= set(offered("campaign", "kinds", "--a"))
    assert offered("campaign", "kinds", "--a-choice", "gr") == ["green"]


async def test_the_control_socket_takes_it_with_its_role(
    stage: Stage, verb: Verb, tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles: dict[Role, list[str]] = {"manager": ["@sales"], "operator": ["@staff"]}
    given = {param.name: example(param) for param in verb.params}
    await nursery.start(serve, stage.runtime, tmp_path / "socket", Access(None, roles))
    for group, may in (("@sales", True), ("@staff", False)):
        peer = User(54_321, "kim", frozenset({"kim", group}))
        monkeypatch.setattr(server, "_peer", partial(_peer, peer))
        async with connect(tmp_path / "socket") as client:
            if may:
                assert (await client.ask(verb.name, given))["actor"] == "kim"
            else:
                with pytest.raises(Refused, match="campaign kinds needs the role manager, and kim is operator"):
                    await client.ask(verb.name, given)


async def _peer(user: User, stream: trio.SocketStream) -> User:
    return user


def test_the_docs_list_it(verb: Verb) -> None:
    assert "`campaign kinds`" in draw()
    assert "`--a-choice red/green/blue`" in draw()


def test_the_docs_are_drawn_from_the_catalogue() -> None:
    assert (ROOT / "docs" / "verbs.md").read_text("utf-8") == draw()


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("choice", "gren", "a_choice 'gren' is not one of red, green, blue; did you mean green?"),
        ("choice", "x", "a_choice 'x' is not one of red, green, blue"),
        ("choice", 3, "a_choice should be text, not 3"),
        ("date", "1.12.2026", "a_date '1.12.2026' is not a date; write it like 2026-12-01"),
        ("date", "2026-02-30", "is not a date"),
        ("duration", "soon", "'soon' is not a delay"),
        ("campaign", ["q2"], "a_campaign should be text, not ['q2']"),
        ("contact", True, "a_contact should be text, not True"),
        ("int", True, "a_int should be int, not True"),
        ("moment", 10**18, "is not a time that fluentsd knows"),
        ("number", " ", "a_number is empty (the number); nothing was changed"),
        ("texts", [""], "a_texts is empty"),
        ("number", None, "a_number is missing (the number)"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(kind: Kind, value: Any, message: str) -> None:
    param = next(param for param in PARAMS if param.kind == kind)
    with pytest.raises(Refused) as caught:
        checked_value("campaign kinds", param, value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_each_part_of_texts_with_options_is_checked() -> None:
    param = Param("scope", "texts", "the channels", options=CHANNELS)
    assert checked_value("v", param, ["phone,sms", "email"]) == ["phone,sms", "email"]
    with pytest.raises(Refused, match=r"scope 'emial' is not one of phone, sms, email; did you mean email\?"):
        checked_value("v", param, ["phone,emial"])


def test_options_in_the_catalogue_are_those_of_the_rules() -> None:
    assert tuple(Outcome) == OUTCOMES
    basis, scope = (next(p for p in VERBS["contacts attest"].params if p.name == name) for name in ("basis", "scope"))
    assert (basis.options, scope.options) == (tuple(BASES), CHANNELS)


@pytest.mark.parametrize(
    ("shape", "right", "wrong"),
    [
        ("object", {"a": [1]}, [[], "x", 1, True]),
        ("counts", {"rows": 1}, [{"rows": "1"}, {"rows": True}, [], 1]),
        ("people", [{}], [{}, "x", 1]),
        ("texts", ["x"], [{}, "x", [1], [None], [["x"]]]),
    ],
)
def test_a_structure_has_the_outermost_form_that_is_declared(shape: Shape, right: Any, wrong: list[Any]) -> None:
    param = Param("given", "data", "what is given", required=True, shape=shape)
    assert checked_value("test", param, right) == right
    for value in wrong:
        with pytest.raises(Refused, match=r"test: given should be an? .*; nothing was changed"):
            checked_value("test", param, value)
    with pytest.raises(Refused, match="given is missing"):
        checked_value("test", param, None)
