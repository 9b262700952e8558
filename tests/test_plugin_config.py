"""A plugin's table is emptied key by key; every mistake is reported at once, unknown keys included."""

from __future__ import annotations

import pytest

from fluentsd import api
from fluentsd.plugin_config import ConfigProblem, Table, hint

KNOWN = ("host", "port", "username", "password", "inbox")


def text(value):
    if not isinstance(value, str):
        raise ValueError("should be text in quotes")
    return value


def mistakes(table):
    with pytest.raises(ConfigProblem) as why:
        table.finish("pigeon")
    return why.value.mistakes


def test_a_value_is_read_once_and_a_missing_one_has_its_default():
    table = Table({"host": "loft"}, KNOWN)
    assert "host" in table
    assert (table.take("host", "", text), table.take("host", "none", text)) == ("loft", "none")
    assert "host" not in table
    table.finish("pigeon")


def test_what_was_given_is_left_as_it_was():
    given = {"host": "loft"}
    Table(given, KNOWN).take("host", "", text)
    assert given == {"host": "loft"}


def test_a_wrong_value_is_a_mistake_and_reading_goes_on():
    table = Table({"host": 5, "port": 6}, KNOWN)
    assert table.take("host", "usual", text) == "usual"
    assert table.take("port", "usual", text) == "usual"
    assert mistakes(table) == ["host: should be text in quotes", "port: should be text in quotes"]


def test_a_key_that_must_be_there_is_missed_once():
    table = Table({}, KNOWN)
    assert table.must("host", "none", text) == "none"
    assert mistakes(table) == ["host: is missing"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, False),
        ({"username": "dana", "password": "sesame"}, False),
        ({"username": "dana"}, True),
        ({"password": "sesame"}, True),
        ({"username": "dana", "password": ""}, True),
    ],
)
def test_of_two_that_belong_together_none_or_both_are_written(given, told):
    table = Table(given, KNOWN)
    assert table.both("username", "password", text) == (given.get("username", ""), given.get("password", ""))
    assert table.mistakes == (["username and password: one is missing; write both"] if told else [])


def test_an_unknown_key_is_reported_with_a_similar_one():
    assert mistakes(Table({"hots": 1}, KNOWN)) == ["hots: is not a known key; did you mean 'host'?"]
    assert mistakes(Table({"zzz": 1}, ("host", "port"))) == ["zzz: is not a known key; known: host, port"]


def test_mistakes_of_an_inner_table_are_reported_with_its_name_by_the_outer_one():
    table = Table({"inbox": {"host": 5, "prot": 1}, "zzz": 1}, KNOWN)
    inner = table.inner("inbox", ("host", "port"))
    inner.take("host", "", text)
    assert [line.split(":")[0] for line in mistakes(table)] == ["inbox.host", "inbox.prot", "zzz"]


def test_an_inner_table_may_be_missing_and_must_be_a_table():
    assert Table({}, KNOWN).inner("inbox", ()) is None
    table = Table({"inbox": "sesame"}, KNOWN)
    assert table.inner("inbox", ()) is None
    assert mistakes(table) == ["inbox: should be a table { … }"]


def test_the_problem_names_the_plugin_and_counts():
    assert str(ConfigProblem("pigeon", ["a: is missing"])) == (
        "plugin 'pigeon': 1 mistake in its configuration\n  a: is missing"
    )
    assert str(ConfigProblem("pigeon", ["a", "b"])).startswith("plugin 'pigeon': 2 mistakes")


def test_a_plugin_gets_both_from_the_api():
    assert (api.Table, api.ConfigProblem) == (Table, ConfigProblem)


def test_where_nothing_is_known_nothing_is_hinted():
    assert hint("host", ()) == ""
