"""How a verb and its parameters are declared. What must not live here: the verbs (`catalogue`), and any import that is
slow, because every command of the shell reads this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from fluentsd.verbs.call import Role

Kind = Literal[
    "text", "int", "flag", "texts", "moment", "date", "duration", "choice", "campaign", "contact", "number", "step",
    "template", "agent", "source", "segment", "user", "file", "data",
]  # fmt: skip
#: Kinds whose value is a text. The names of things are such kinds, so that a front can offer a list of them.
TEXTUAL: tuple[Kind, ...] = (
    "text", "date", "duration", "choice", "campaign", "contact", "number", "step", "template", "agent", "source",
    "segment", "user",
)  # fmt: skip


#: What a structure is, before it is read: an object, an object of whole numbers, a list of texts, or the people of an
#: import, thousands of them, whom their verb checks and cleans one by one.
Shape = Literal["object", "counts", "people", "texts"]


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter. `kind`: text, int, flag, texts (repeatable), moment ("tomorrow 9am", in the campaign's zone if it
    names none; with `of_person` in the person's, with `whole_days` perhaps only a day), date (2026-12-01), duration
    ("2 days"), choice (one of `options`); campaign, contact, number, step, template, agent, source, segment, user (the
    name of one); file (a file that the front reads; the verb gets its content), data (a JSON value, passed by programs
    only); `shape` is what the value of a file or of data is. `options` are also those of each part of texts; `least` is
    the smallest int."""

    name: str
    kind: Kind
    help: str
    required: bool = False
    default: Any = None
    option: bool = True  #: False: a positional argument
    options: tuple[str, ...] = ()
    of_person: bool = False
    whole_days: bool = False
    least: int | None = None
    shape: Shape = "object"

    @property
    def flag(self) -> str:
        """The name as it is typed. One that is a word of Python (`for`) is declared with a line at its end."""
        return self.name.rstrip("_").replace("_", "-")


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb. `name` is the typed command ("campaign pause"); `run` names its function, `module.function` in
    `fluentsd.verbs`; `role` is the least role that may run it; `hidden` verbs are for programs. With `owned`, only
    an admin may run it on a campaign that belongs to another person; a verb that changes an archived campaign is
    refused without `if_archived`."""

    name: str
    help: str
    run: str
    params: tuple[Param, ...] = ()
    effect: Literal["read", "change"] = "read"
    role: Role = "viewer"
    hidden: bool = False
    owned: bool = False
    if_archived: bool = False
