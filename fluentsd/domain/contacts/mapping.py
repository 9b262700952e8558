"""The mapping of a table's columns to their meanings.

Here live the reading of the whole header (`has_header`, `suggest`) and the user's corrections (`with_asked`). What must
not live here: the known headings (`headings`), rows (`reader`), files, encodings, the store. The heading decides a
column's meaning; the cells decide only without a known heading, and never bare digits under an unknown heading, because
an order number would be dialled. Every other column becomes a variable with its own name.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Literal

from fluentsd.domain.contacts.headings import (
    DOUBTFUL,
    Target,
    is_no_point,
    like_email,
    like_phone,
    meaning,
    plain,
    unaccented,
)
from fluentsd.domain.contacts.opt_out_columns import OptOut, by_heading
from fluentsd.domain.contacts.points import BadPoint, email, phone
from fluentsd.domain.time.dates import Order, order_of

Need = Literal["phone", "any"]
How = Literal["name", "content", "asked", "ignored", ""]


class CsvError(Exception):
    """A file or its mapping cannot be used; the message says why and how to fix it. Nothing was imported."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} Nothing was imported. {fix}")


class NoPoints(CsvError):
    """No column holds the numbers or addresses that are needed. Nothing was imported."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading ("" without a header), its variable, its target and how the target was found. `opt_out`:
    what it says about whom not to contact; `doubt`: what the preview should say about its reading."""

    index: int
    name: str
    slug: str
    target: Target | None = None
    how: How = ""
    opt_out: OptOut | None = None
    doubt: str = ""
    dates: Order = ""  #: the order of day and month in a column of dates between slashes

    @property
    def label(self) -> str:
        return self.name or self.slug


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns, and for each target its columns in order of preference."""

    columns: tuple[Column, ...]
    has_header: bool
    order: Mapping[Target, tuple[int, ...]]


def record_columns(fields: Mapping[str, str]) -> Columns:
    """The columns of a CRM's records: field name → its meaning, a target's name or "" for a variable of its own. Of
    several fields with one meaning the earlier is preferred. A last column holds the record's id in its source, which
    is the person's id there. Raises CsvError for an unknown meaning."""
    order: dict[Target, tuple[int, ...]] = dict.fromkeys(Target, ())
    for i, (name, meant) in enumerate(fields.items()):
        if meant and meant not in list(Target):
            raise CsvError(f'"{meant}" is not a meaning of the field "{name}".', f"Use one of: {', '.join(Target)}.")
        if meant:
            order[Target(meant)] += (i,)
    order[Target.EXTERNAL_ID] = (len(fields),)
    read = _columns([*fields, "id"], order, dict.fromkeys(range(len(fields) + 1), "asked"))
    return replace(read, columns=tuple(replace(c, opt_out=None) for c in read.columns))  # the source tells opt-outs


#: An address anywhere in a cell ("Jane <jane@example.com>"), or a number between few words ("555-0111 ext 2").
_HOLDS_POINT = re.compile(
    r"[^\s@<>]@[^\s@<>]+\.[A-Za-z]{2,}|^[^\d]{0,8}\+?\(?\d(?:[\s().\-/]{0,3}\d){6,14}[^\d]{0,8}\d{0,5}$"
)


def header_at(rows: Sequence[Sequence[str]]) -> int:
    """The place of the header among a file's first rows: 0, or that of a row with several known headings below a title,
    which has one cell."""
    if not rows or sum(1 for c in rows[0] if c.strip()) > 1:
        return 0
    for place, row in enumerate(rows[1:6], 1):
        filled = [c for c in row if c.strip()]
        if len(filled) > 1:
            known = sum(1 for c in filled if meaning(plain(c), ()))
            return place if known > 1 and not any(like_email(c) or like_phone(c) for c in filled) else 0
    return 0


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is a header: it holds no point, and has known headings or points below."""
    if not rows:
        return False
    first, below = rows[0], rows[1:]
    if any(like_email(c) or like_phone(c) or _HOLDS_POINT.search(c) for c in first):
        return False
    if any(meaning(plain(c), ()) for c in first if c.strip()):
        return True
    points = {i for row in below for i, c in enumerate(row) if like_email(c) or like_phone(c)}
    return not points or any(i < len(first) and first[i].strip() for i in points)


def suggest(header: Sequence[str], sample: Sequence[Sequence[str]], region: str = "US") -> Columns:
    """Map columns by their headings, or else by their cells; an empty header means none."""
    width = len(header) or max(map(len, sample), default=0)
    header = [*(" ".join(h.split()) for h in header), *[""] * (width - len(header))]
    cells = [[t for row in sample if i < len(row) and (t := row[i].strip())] for i in range(width)]
    found: dict[int, tuple[Target, int, How]] = {}
    for i, name in enumerate(header):
        if name and (named := meaning(plain(name), cells[i])):
            found[i] = (*named, "name")
    for target, good in ((Target.EMAIL, email), (Target.PHONE, partial(phone, region=region))):
        if not any(t is target for t, _, _ in found.values()):
            free = [i for i in range(width) if i not in found and not is_no_point(plain(header[i]))]
            share, best = max(((_share(cells[i], good, bool(header[i])), -i) for i in free), default=(0.0, 0))
            if share >= 0.8:
                found[-best] = (target, 0, "content")
    for i, (target, rank, how) in found.items():
        if target in (Target.EMAIL, Target.PHONE) and rank < DOUBTFUL and _is_one_for_most(cells[i]):
            found[i] = (target, DOUBTFUL, how)
    mapping = _mapping(header, found)
    columns = (replace(c, doubt=_doubt(c, cells[c.index], found)) for c in mapping.columns)
    return replace(mapping, columns=tuple(_with_dates(c, cells[c.index], region) for c in columns))


#: Countries whose dates have the month first.
_MONTH_FIRST = ("US", "PH", "FM", "PW", "MH")


def _with_dates(column: Column, cells: Sequence[str], region: str) -> Column:
    """The column with the order of its dates, if it holds dates between slashes; a guess is a doubt."""
    shown_order = order_of(cells) if column.target is None and cells else None
    if shown_order is None:
        return column
    order, is_proved = shown_order
    if order:
        return replace(column, dates=order, doubt=f"dates, {order}, as some of them prove")
    if is_proved:
        return replace(column, doubt="dates in both orders; those that are not clear are not read as dates")
    order = "month first" if region in _MONTH_FIRST else "day first"
    other = "--day-first" if order == "month first" else "--month-first"
    return replace(column, dates=order, doubt=f"dates, {order}, as in {region}; else: {other}")


def with_order(mapping: Columns, order: Order) -> Columns:
    """The mapping with the order of day and month that the user says, for every column of dates between slashes."""
    columns = (replace(c, dates=order, doubt=f"dates, {order}, as you say") if c.dates else c for c in mapping.columns)
    return replace(mapping, columns=tuple(columns))


def _is_one_for_most(cells: Sequence[str]) -> bool:
    """Whether most rows have the same point: it is rather a salesman's or a switchboard's than these people's."""
    return len(cells) > 1 and Counter(map(str.lower, cells)).most_common(1)[0][1] > max(1, len(cells) // 2)


def _doubt(column: Column, cells: Sequence[str], found: Mapping[int, tuple[Target, int, How]]) -> str:
    """What a person should look at in the preview: an unused column of points, or one that may be somebody else's."""
    target, rank, _ = found.get(column.index, (None, 0, ""))
    if target in (Target.EMAIL, Target.PHONE) and rank == DOUBTFUL:
        why = "most rows have the same" if _is_one_for_most(cells) else "may be somebody else's"
        return f"{why}; {'used' if column.target else 'not used'}"
    if column.target is None and column.opt_out is None and cells:
        for like, what in ((like_email, "e-mail addresses"), (like_phone, "phone numbers")):
            if sum(map(like, cells)) >= 0.8 * len(cells):
                return f"looks like {what} and is not used"
    return ""


def _share(cells: Sequence[str], good: Callable[[str], object], strict: bool) -> float:
    """The share of a column's cells that are points; bare digits count less, and under a heading not at all."""
    marked = any(not c.isdigit() for c in cells)
    if not cells or (strict and not marked):
        return 0.0
    read = sum(1 for c in cells if _reads(good, c))
    return read / len(cells) + (0.001 if marked else 0)


def _reads(good: Callable[[str], object], cell: str) -> bool:
    try:
        good(cell)
    except BadPoint:
        return False
    return True


def _mapping(header: Sequence[str], found: dict[int, tuple[Target, int, How]]) -> Columns:
    order: dict[Target, tuple[int, ...]] = {}
    for target in Target:
        ranked = sorted((rank, i) for i, (t, rank, _) in found.items() if t is target)
        sure = [i for rank, i in ranked if rank < DOUBTFUL or target not in (Target.PHONE, Target.EMAIL)]
        best = ranked[0][0] if ranked else 0
        order[target] = tuple(sure or [i for rank, i in ranked if rank == best])
    order[Target.EXTERNAL_ID] = order[Target.EXTERNAL_ID][:1]  # ids of two systems must not mix
    _german_and_french_names(header, order)
    return _columns(header, order, {i: how for i, (_, _, how) in found.items()})


def _german_and_french_names(header: Sequence[str], order: dict[Target, tuple[int, ...]]) -> None:
    """Next to "Vorname" or "Prénom", a column "Name" is the family name."""
    first = {plain(header[i]) for i in order[Target.FIRST_NAME]}
    if first & {"vorname", "prenom", "voornaam"} and not order[Target.LAST_NAME]:
        order[Target.LAST_NAME], order[Target.FULL_NAME] = order[Target.FULL_NAME], ()


def _columns(header: Sequence[str], order: dict[Target, tuple[int, ...]], how: Mapping[int, How]) -> Columns:
    targets = {i: target for target, indexes in order.items() for i in indexes}
    taken: set[str] = set()
    columns = []
    for i, name in enumerate(header):
        slug = _free_slug(name, i, targets.get(i), taken)
        says = by_heading(name) if i not in targets else None
        is_known = i in targets or how.get(i) == "ignored"
        columns.append(Column(i, name, slug, targets.get(i), how.get(i, "") if is_known else "", says))
    return Columns(tuple(columns), any(header), order)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Reserved names of templates and conditions.
_RESERVED = _words(
    "contact campaign step last agent enrollment attempt outcome now today true false nil null empty blank and or not "
    "contains in for if else unless case when forloop"
) | frozenset(Target)


def _free_slug(name: str, index: int, target: Target | None, taken: set[str]) -> str:
    slug = re.sub(r"[\W_]+", "_", unaccented(name).casefold()).strip("_")[:60] or f"column_{index + 1}"
    if (slug in _RESERVED and slug != target) or slug[0].isdigit():
        slug = f"column_{slug}"
    free = next(s for n in count(1) if (s := slug if n == 1 else f"{slug}_{n}") not in taken)
    taken.add(free)
    return free


def with_asked(mapping: Columns, asked: Mapping[str, str]) -> Columns:
    """The mapping with the user's corrections: target name → heading, variable or 1-based number of a column.

    The named column becomes the target's only one. Raises CsvError for an unknown target or column, with similar names.
    """
    order = dict(mapping.order)
    how: dict[int, How] = {c.index: c.how for c in mapping.columns}
    for key, wanted in asked.items():
        if key not in list(Target):
            raise CsvError(f'"{key}" is not a mapping target.', f"Use one of: {', '.join(Target)}.")
        column = _find(mapping, wanted)
        order = {t: tuple(i for i in indexes if i != column.index) for t, indexes in order.items()}
        order[Target(key)] = (column.index,)
        how[column.index] = "asked"
    read = _columns([c.name for c in mapping.columns], order, how)
    pairs = zip(read.columns, mapping.columns, strict=True)
    columns = (replace(new, dates=old.dates, doubt=old.doubt) if old.dates else new for new, old in pairs)
    return replace(read, columns=tuple(columns), has_header=mapping.has_header)


def with_kept(mapping: Columns, ignored: Sequence[str] = (), only_fields: Sequence[str] = ()) -> Columns:
    """The mapping with columns that the user sets aside: an ignored one is not read, one that is only a field has no
    other meaning. Raises CsvError for an unknown column, with similar names."""
    aside: dict[int, How] = {_find(mapping, wanted).index: "ignored" for wanted in ignored}
    aside |= {_find(mapping, wanted).index: "asked" for wanted in only_fields}
    order = {target: tuple(i for i in indexes if i not in aside) for target, indexes in mapping.order.items()}
    columns = tuple(
        replace(c, target=None, how=aside[c.index], opt_out=None, doubt="", dates="") if c.index in aside else c
        for c in mapping.columns
    )
    return replace(mapping, columns=columns, order=order)


def _find(mapping: Columns, wanted: str) -> Column:
    key = " ".join(wanted.split()).casefold()
    for column in mapping.columns:
        if key in (column.name.casefold(), column.slug, str(column.index + 1)):
            return column
    labels = {c.label.casefold(): c.label for c in mapping.columns}
    near = difflib.get_close_matches(key, labels, n=3, cutoff=0.5)
    near = near or [label for label in labels if key and (key in label or label in key)][:3]
    names_ = ", ".join(f'"{labels[n]}"' for n in (near or list(labels)[:12]))
    raise CsvError(f'No column is called "{wanted}".', f"{'Similar columns' if near else 'The columns are'}: {names_}.")


def require(mapping: Columns, need: Need) -> None:
    """Raise `NoPoints` if the table has no column with the points that are needed."""
    if mapping.order[Target.PHONE] or (need == "any" and mapping.order[Target.EMAIL]):
        return
    what = "phone numbers" if need == "phone" else "phone numbers or e-mail addresses"
    columns = ", ".join(f'"{c.label}"' for c in mapping.columns[:12])
    raise NoPoints(f"No column holds {what} (columns: {columns}).", 'Name one, for example --map phone="To Number".')
