"""Templates: any source is refused with a sentence or renders within its bounds, whatever the values are."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.render import Part, TemplateProblem, template
from tests.fuzz.conftest import fuzz

WORDS = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "{%-",
        "-%}",
        "{#",
        "#}",
        "|",
        ":",
        ",",
        ".",
        "..",
        "(",
        ")",
        "[",
        "]",
        "'",
        '"',
        "=",
        "==",
        "!=",
        "<",
        ">",
        "contains",
        "and",
        "or",
        "not",
        "if",
        "else",
        "elsif",
        "endif",
        "unless",
        "endunless",
        "for",
        "endfor",
        "in",
        "break",
        "continue",
        "limit",
        "offset",
        "reversed",
        "case",
        "when",
        "endcase",
        "assign",
        "capture",
        "endcapture",
        "increment",
        "decrement",
        "cycle",
        "tablerow",
        "endtablerow",
        "raw",
        "endraw",
        "comment",
        "endcomment",
        "include",
        "render",
        "liquid",
        "echo",
        "first_name",
        "contact",
        "contact.first_name",
        "last.outcome",
        "steps",
        "now",
        "forloop",
        "default",
        "replace",
        "append",
        "prepend",
        "split",
        "join",
        "slice",
        "truncate",
        "times",
        "divided_by",
        "modulo",
        "date",
        "upcase",
        "sort",
        "map",
        "where",
        "uniq",
        "size",
        "first",
        "last",
        "concat",
        "escape",
        "url_encode",
        "strip_html",
        "newline_to_br",
        "0",
        "1",
        "-1",
        "2",
        "99999999999",
        "1.5",
        "1e400",
        "nil",
        "true",
        "false",
        "empty",
        "blank",
        "'a'",
        "'%Y'",
        "''",
        "(1..3)",
        "(1..200000000)",
        "{first_name}",
        "\n",
    ]
)
SOURCES = st.one_of(
    st.lists(WORDS, max_size=25).map(" ".join),
    st.lists(WORDS, max_size=25).map("".join),
    st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=20).map("".join),
    st.builds("{{{{ {} | {}: {} }}}}".format, WORDS, WORDS, WORDS),
    st.builds("{{% if {} {} {} %}}{}{{% endif %}}".format, WORDS, WORDS, WORDS, WORDS),
    st.builds("{{% for a in {} %}}{}{{{{ a }}}}{{% endfor %}}".format, WORDS, WORDS),
)
VALUES = st.dictionaries(
    st.sampled_from(["first_name", "last", "steps", "contact", "x", "sender"]),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=200)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
        max_leaves=8,
    ),
    max_size=4,
)
#: More than any template may write: its own limit, with room for the source.
LONG = 2_000_000


@fuzz(300)
@given(SOURCES, st.sampled_from(get_args(Part)), VALUES)
def test_any_template_is_refused_or_rendered(source: str, part: Part, values: dict[str, Any]) -> None:
    try:
        compiled = template(source, part)
    except TemplateProblem as why:
        assert str(why)  # noqa: PT017
        return
    with suppress(TemplateProblem):
        assert len(compiled.render(values)) < LONG
    with suppress(TemplateProblem):
        assert compiled.holds(values) in (True, False)
