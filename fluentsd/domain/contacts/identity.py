"""When two rows are the same person.

A phone or a mailbox may belong to several people: a household, a switchboard, an `info@`. So a shared point alone does
not make two rows one person. One rule, in the order of its questions:

1. Rows with the same id in the same source are one person.
2. Rows that share no point are two people.
3. The same name and a shared point: one person.
4. Different names: two people, unless nothing else tells them apart: they have exactly the same points, and no two
   different ids in one source. Contacting those twice would be a repetition at the other end of the line.
5. A name is missing, or leaves it open ("A. Poe" and "Ann Poe"): one person, unless their points conflict, that is both
   have phones, or both have mailboxes, and none of them in common.

Where several people match, the one with the same name is chosen, then the one with most points in common, then the one
known for longest. What must not live here: the reading of names (`names`), rows, the store.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from fluentsd.domain.contacts.names import comparable

PointKey = tuple[str, str]
Name = tuple[str, ...]
_BETWEEN_MAILBOXES = re.compile(r"[\s,;|<>()\[\]\"']+")
_BETWEEN_PHONES, _NO_DIGIT = re.compile(r"[^\W\d_]+|[,;|/:\n]"), re.compile(r"\D")
#: Fewest digits of a phone in a field; fewer may be anything.
_SHORTEST_PHONE = 7

#: Given names that stand for each other, a group in each part: usual short forms and spellings.
_GROUPS = (
    "robert rob bob bobby robbie|william will bill billy liam|richard rick dick rich richie|james jim jimmy jamie|"
    "john jon johnny jack|joseph joe joey|michael mike mick mikey|charles charlie chuck|edward ed eddie ted|"
    "thomas tom tommy|daniel dan danny|david dave davey|stephen steven steve|matthew matt|anthony tony|"
    "christopher chris|andrew andy drew|benjamin ben benny|nicholas nick nicolas|alexander alex sandy|samuel sam|"
    "gregory greg|jeffrey jeff geoffrey geoff|kenneth ken kenny|ronald ron ronnie|donald don donny|timothy tim|"
    "lawrence larry laurence|gerald gerry jerry|raymond ray|peter pete|patrick pat paddy|francis frank|"
    "henry harry hank|elizabeth liz beth betty eliza|margaret maggie meg peggy|susan sue susie suzanne|"
    "katherine catherine kathryn kate katie kathy cathy|jennifer jen jenny|deborah debra deb debbie|"
    "barbara barb|patricia pat patty trish|"
    "rebecca becky|victoria vicky|jessica jess|samantha sam|kimberly kim|cynthia cindy|theresa teresa terry tess|"
    "sarah sara|ann anne|philip phillip phil|frederick fred freddie|walter walt|eugene gene|leonard leo len|"
    "abigail abby|dorothy dot dottie|judith judy|pamela pam|sandra sandy|joanne jo joanna"
)
_SHORT: Mapping[str, frozenset[int]] = {
    name: frozenset(n for n, group in enumerate(_GROUPS.split("|")) if name in group.split())
    for name in _GROUPS.replace("|", " ").split()
}


class Likeness(IntEnum):
    """Whether two names are those of one person."""

    different = 0
    open = 1  #: a name is missing, or only an initial or the family name agrees
    same = 2


@dataclass(slots=True)
class Profile:
    """A person, or a row, as far as the rule needs: points as (kind, value), names, ids in the source of the row."""

    points: set[PointKey]
    names: Collection[Name] = ()
    ids: Collection[str] = field(default_factory=set)


def kind_of(value: str) -> str:
    """The kind of a point by its value: "email" or "phone"."""
    return "email" if "@" in value else "phone"


def name_in(fields: Mapping[str, str]) -> Name:
    """The comparable words of the name in a row's fields; empty when they have none."""
    return comparable(fields.get("full_name") or f"{fields.get('first_name', '')} {fields.get('last_name', '')}")


def named_among(points: Iterable[PointKey], fields: Mapping[str, str]) -> set[PointKey]:
    """Those of these points that a row's fields name, as it writes them: "(212) 555-0101 (mobile)"."""
    phones, mailboxes = set[str](), set[str]()
    for text in fields.values():
        if "@" in text:
            mailboxes.update(_BETWEEN_MAILBOXES.split(text.lower()))
        parts = (_NO_DIGIT.sub("", part).lstrip("0") for part in _BETWEEN_PHONES.split(text.replace("(0)", "")))
        phones.update(digits for digits in parts if len(digits) >= _SHORTEST_PHONE)
    return {
        (kind, value)
        for kind, value in points
        if (value in mailboxes if kind == "email" else any(value.endswith(digits) for digits in phones))
    }


def likeness(one: Name, other: Name) -> Likeness:
    """Compare two names, whose words may be in any order: short forms and left-out words are no difference."""
    if not one or not other:
        return Likeness.open
    if one == other:
        return Likeness.same
    short, long = sorted((one, other), key=len)
    left, rest = list(long), list[str]()
    for word in short:
        found = next((i for i, there in enumerate(left) if _is_same(word, there)), None)
        rest.append(word) if found is None else left.pop(found)
    is_open = bool(rest)
    for word in rest:
        found = next((i for i, there in enumerate(left) if _is_initial(word, there)), None)
        if found is None:
            return Likeness.different
        left.pop(found)
    return Likeness.open if is_open or long[0] in left else Likeness.same


def _is_same(one: str, other: str) -> bool:
    return one == other or not _SHORT.get(one, frozenset()).isdisjoint(_SHORT.get(other, frozenset()))


def _is_initial(one: str, other: str) -> bool:
    return 1 in (len(one), len(other)) and one[0] == other[0]


def alike(row: Profile, person: Profile) -> Likeness:
    """The best likeness between the names that two profiles have."""
    pairs = [(one, other) for one in row.names if one for other in person.names if other]
    return max((likeness(one, other) for one, other in pairs), default=Likeness.open)


def is_same_person(row: Profile, person: Profile) -> bool:
    """The rule above."""
    return _judge(row, person, alike(row, person))


def _judge(row: Profile, person: Profile, names: Likeness) -> bool:
    ids_differ = False
    if row.ids and person.ids:
        if not set(row.ids).isdisjoint(person.ids):
            return True
        ids_differ = True
    if row.points.isdisjoint(person.points):
        return False
    if names == Likeness.different:
        return row.points == person.points and not ids_differ
    return names == Likeness.same or not _conflict(row.points, person.points)


def _conflict(one: Collection[PointKey], other: Collection[PointKey]) -> bool:
    """Whether both have points of a kind, and share none of it."""
    for kind in ("phone", "email"):
        mine, theirs = ({value for k, value in points if k == kind} for points in (one, other))
        if mine and theirs and mine.isdisjoint(theirs):
            return True
    return False


def choose(row: Profile, known: Mapping[int, Profile]) -> int | None:
    """The person of `known`, by id, that the row is about; None for a new person."""
    same = []
    for contact_id, person in known.items():
        names = alike(row, person)
        if _judge(row, person, names):
            same.append((names, len(row.points & person.points), -contact_id))
    return -max(same)[2] if same else None


@dataclass(frozen=True, slots=True)
class Overlap:
    """Rows told apart: how many are about a person of an earlier row, and how many points belong to several people, by
    kind."""

    duplicates: int
    shared: Counter[str]


def tell_apart(rows: Iterable[Profile]) -> Overlap:
    """Tell the people of these rows apart, when these rows are all there are."""
    people: dict[int, Profile] = {}
    owners: dict[PointKey, set[int]] = {}
    count = 0
    for row in rows:
        count += 1
        near = {i for point in row.points for i in owners.get(point, ())}
        found = choose(row, {i: people[i] for i in near})
        who = len(people) if found is None else found
        person = people.setdefault(who, Profile(set(), []))
        person.points |= row.points
        person.ids = {*person.ids, *row.ids}
        person.names = [*person.names, *(name for name in row.names if name)]
        for point in row.points:
            owners.setdefault(point, set()).add(who)
    shared = Counter(kind for (kind, _), several in owners.items() if len(several) > 1)
    return Overlap(count - len(people), shared)


def in_words(shared: Mapping[str, int]) -> str:
    """The sentence about points of several people, such as "3 phones and 1 mailbox belong to several people"; "" for
    none."""
    words = {"phone": ("phone", "phones"), "email": ("mailbox", "mailboxes")}
    parts = [f"{count} {words[kind][count > 1]}" for kind, count in sorted(shared.items(), reverse=True) if count]
    belongs = "belongs" if sum(shared.values()) == 1 else "belong"
    return f"{' and '.join(parts)} {belongs} to several people" if parts else ""


def identities(points: Sequence[str], names: Iterable[Name]) -> dict[str, list[str]]:
    """The texts that stand for a person at each of their points while others share it: the point with each name. A
    person without a name is known by all points together."""
    known = [" ".join(name) for name in names if name]
    together = ["\n".join(sorted(points)) + "\n"]
    return {point: [f"{point}\n{name}" for name in sorted(set(known))] or together for point in points}
