"""The promises of `fluentsd.api.Source`, each as one check. Provisional, like the protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, get_args, get_type_hints, runtime_checkable

from fluentsd.api import Activity, CountsRequests, Kind, Page, Record, Segment, Source, SourceField, Tools, says_yes
from fluentsd.api.contract import check as compare
from fluentsd.testing.run_checks import require, run_checks

#: Pages after which a walk counts as endless.
PAGES_AT_MOST = 1000


class SourceControl(Protocol):
    """The source's own data, from its own side. `segment` is a segment's id."""

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> str | None:
        """Add a record to a segment; return its id if the source gives ids of its own, else `record` is its id."""

    def remove(self, segment: str, record: str) -> None:
        """Take a record out of a segment."""

    def written(self, key: str) -> int:
        """How many activities with this key it has."""


@runtime_checkable
class MergesRecords(Protocol):
    """A control whose source can merge records."""

    def merge(self, loser: str, winner: str) -> None:
        """Merge one record into another."""


@dataclass(frozen=True, slots=True)
class SourceCase:
    """One source under test; `make` builds a fresh one, as after a restart."""

    make: Callable[[Tools], Source]
    tools: Tools
    control: SourceControl | None = None

    def source(self) -> Source:
        """A fresh source."""
        return self.make(self.tools)


async def walked(source: Source, segment: str) -> list[Page]:
    """Every page of a walk."""
    pages = [await source.walk(segment, None)]
    while (cursor := pages[-1].next) is not None:
        require(len(pages) < PAGES_AT_MOST, f"the walk of {segment!r} has more than {PAGES_AT_MOST} pages")
        pages.append(await source.walk(segment, cursor))
    return pages


async def _first(source: Source) -> Segment:
    segments = await source.segments()
    require(bool(segments), "segments returned nothing; give the suite a source with a segment")
    return segments[0]


async def it_keeps_the_protocol(case: SourceCase) -> None:
    """Every method is there, async, with the protocol's arguments."""
    mistakes = compare(case.source(), Source)
    require(not mistakes, "; ".join(mistakes))


async def a_check_returns_findings(case: SourceCase) -> None:
    """`check` returns findings, each with a fix when something is wrong."""
    findings = await case.source().check()
    require(bool(findings), "check returned no findings")
    for finding in findings:
        require(finding.ok or bool(finding.fix), f"{finding.what!r} is wrong, and has no fix")


async def names_are_unique(case: SourceCase) -> None:
    """Fields and segments have names, and no two have the same; kinds and meanings are words of the API."""
    source = case.source()
    catalogue, segments = await source.catalogue(), await source.segments()
    for named, what in (([one.name for one in catalogue], "fields"), ([one.id for one in segments], "segments")):
        require(all(named) and len(set(named)) == len(named), f"the {what} are {named}: empty or repeated names")
    words = get_type_hints(SourceField)
    for field in catalogue:
        for attribute in ("meaning", "kind"):
            word = getattr(field, attribute)
            require(word in get_args(words[attribute]), f"{attribute} of the field {field.name!r} is {word!r}")
    kinds = get_args(get_type_hints(Segment)["kind"])
    for one in segments:
        require(one.kind in kinds, f"kind of the segment {one.id!r} is {one.kind!r}")
        require(one.id.startswith(f"{one.kind}:"), f"the segment {one.id!r} does not begin with its kind, {one.kind}:")


async def a_walk_names_every_record(case: SourceCase) -> None:
    """A walk has pages of at most `limits.page`, names every record, and only its last page is complete."""
    source = case.source()
    for segment in await source.segments():
        pages = await walked(source, segment.id)
        refs = [ref for page in pages for ref in page.refs]
        named = len(set(refs))
        require(segment.size in (None, named), f"{segment.id!r} has {segment.size} records; its walk names {named}")
        require(not any(page.complete for page in pages[:-1]), f"a page before the last of {segment.id!r} is complete")
        require(pages[-1].complete, f"the last page of {segment.id!r} is not complete, so nobody ever leaves")
        require(pages[-1].since is not None, f"the last page of {segment.id!r} has no cursor for its changes")
        for page in pages:
            require(len(set(page.refs)) == len(page.refs), f"a page of {segment.id!r} names a record twice")
            most = source.limits.page
            require(
                len(page.refs) <= most, f"a page of {segment.id!r} has {len(page.refs)} records; the limit is {most}"
            )
            require(page.as_of > 0, f"a page of {segment.id!r} does not say as of when it is true")
            if page.records is not None:
                require([one.id for one in page.records] == list(page.refs), "the records of a page are not its refs")


async def a_walk_goes_on_after_a_restart(case: SourceCase) -> None:
    """A fresh source continues a walk from a cursor."""
    segment = await _first(case.source())
    whole = [ref for page in await walked(case.source(), segment.id) for ref in page.refs]
    refs, cursor = list[str](), None
    for _ in range(PAGES_AT_MOST):
        page = await case.source().walk(segment.id, cursor)
        refs += page.refs
        if (cursor := page.next) is None:
            break
    require(refs == whole, f"a walk by fresh sources names {refs}, and one by a single source {whole}")


async def nonsense_is_refused(case: SourceCase) -> None:
    """An unknown segment is a LookupError, and a cursor that was never given a ValueError."""
    source = case.source()
    segment = await _first(source)
    await _raises(LookupError, source.walk("no such segment", None), "a walk of an unknown segment")
    await _raises(LookupError, source.changes("no such segment", None), "changes of an unknown segment")
    await _raises(ValueError, source.walk(segment.id, "\x00 nonsense"), "a walk from a cursor that was never given")


async def _raises(expected: type[Exception], call: Awaitable[object], what: str) -> None:
    try:
        answer = await call
    except expected:
        return
    require(False, f"{what} returned {answer!r} instead of raising {expected.__name__}")


async def records_can_be_fetched_by_id(case: SourceCase) -> None:
    """`refresh` gives the same records as a walk, with fields of the catalogue, and leaves missing ones out."""
    source = case.source()
    page = await source.walk((await _first(source)).id, None)
    asked = page.refs[: source.limits.refresh - 1]
    found = {one.id: one for one in await source.refresh([*asked, "no such record"])}
    require(set(found) == set(asked), f"refresh of {list(asked)} and a missing id returned {sorted(found)}")
    catalogue = await source.catalogue()
    for record in found.values():
        for problem in _problems(record, catalogue):
            require(False, f"record {record.id!r} {problem}")
    for record in page.records or ():
        same = found.get(record.id, record)
        differing = [name for name, value in record.fields.items() if same.fields.get(name) != value]
        require(not differing, f"refresh and walk differ in {differing} of record {record.id!r}")


def _problems(record: Record, catalogue: Sequence[SourceField]) -> Iterator[str]:
    """What is wrong with a record by itself."""
    kinds, meanings = {one.name: one.kind for one in catalogue}, get_args(get_type_hints(SourceField)["meaning"])
    if strange := set(record.fields) - set(kinds):
        yield f"has fields that the catalogue lacks: {sorted(strange)}"
    for name, value in record.fields.items():
        if kinds.get(name) == "flag" and value not in (True, False, None):
            yield f"has {value!r} in the flag {name!r}"
    if record.id in record.aliases or not all(record.aliases):
        yield "is its own alias, or has an empty one"
    if record.url and not record.url.startswith(("https://", "http://")):
        yield f"has an address that is none: {record.url!r}"
    if strange := {one for one in record.unreadable if one not in meanings or not one}:
        yield f"names unreadable meanings that there are not: {sorted(strange)}"


async def a_merged_record_is_an_alias(case: SourceCase) -> None:
    """Asked for a merged record by its old id, `refresh` returns the winner with that alias, once."""
    if not isinstance(case.control, MergesRecords):
        return
    segment = await _first(case.source())
    loser, winner = (
        case.control.put(segment.id, name, {}) or name for name in ("conformance-loser", "conformance-winner")
    )
    case.control.merge(loser, winner)
    found = await case.source().refresh([loser, winner])
    require([one.id for one in found] == [winner], f"refresh of a merged record and its winner returned {found!r}")
    require(loser in found[0].aliases, f"the winner {winner!r} does not have the alias {loser!r}")


async def requests_are_counted(case: SourceCase) -> None:
    """A source that counts its requests counts those of a walk, and the next source goes on counting."""
    source = case.source()
    if not isinstance(source, CountsRequests):
        return
    await source.walk((await _first(source)).id, None)
    require(source.used().today > 0, "a walk was made, and no request is counted")
    used = source.used()
    require(used.allowed is None or used.daily is None or used.allowed <= used.daily, f"{used} allows more than a day")


async def changes_are_told(case: SourceCase) -> None:
    """Changes since now are none; a new record is told by a fresh source, and the next walk knows who left."""
    segment = await _first(case.source())
    page = await case.source().changes(segment.id, None)
    require(not page.refs and not page.gone, f"changes since now are {page!r}")
    require(page.since is not None, "changes since now have no cursor")
    if case.control is None:
        return
    leaver = (await case.source().walk(segment.id, None)).refs[0]
    comer = case.control.put(segment.id, "conformance-1", {}) or "conformance-1"
    case.control.remove(segment.id, leaver)
    changes = await _changes(case, segment.id, page.since)
    came, went = {ref for one in changes for ref in one.refs}, {ref for one in changes for ref in one.gone}
    members = {ref for one in await walked(case.source(), segment.id) for ref in one.refs}
    require(comer in members and leaver not in members, "a walk after the changes is not true")
    require(comer in came, f"{comer!r} came, and the changes name {sorted(came)}")
    require(came <= members, f"the changes name {sorted(came - members)}, which are not in the segment")
    require(not went & members, f"the changes say that {sorted(went & members)} left, which are in the segment")
    require(leaver in went or any(one.walk_again for one in changes), f"nothing tells that {leaver!r} left")
    again = await _changes(case, segment.id, changes[-1].since)
    require(not any(one.walk_again for one in again), "changes after a walk ask for a walk again")
    require(not {ref for one in again for ref in one.gone} & members, "a member is told as a leaver later")


async def _changes(case: SourceCase, segment: str, since: str | None) -> list[Page]:
    """All pages of the changes, each by a fresh source; the last one has the next cursor."""
    pages = [await case.source().changes(segment, since)]
    while (cursor := pages[-1].next) is not None:
        require(len(pages) < PAGES_AT_MOST, f"the changes of {segment!r} have more than {PAGES_AT_MOST} pages")
        pages.append(await case.source().changes(segment, cursor))
    require(pages[-1].since is not None, "the last page of changes has no cursor for the next")
    return pages


async def writing_twice_writes_once(case: SourceCase) -> None:
    """An activity that is written again under its key has the same id and is there once."""
    source = case.source()
    page = await source.walk((await _first(source)).id, None)
    activity = Activity(page.refs[0], "note", case.tools.clock.now(), "A conformance check")
    first = await source.write(activity, "conformance-key")
    again = await case.source().write(activity, "conformance-key")
    require(bool(first) and first == again, f"the same key was written as {first!r} and as {again!r}")
    other = await source.write(activity, "conformance-other")
    require(other != first, "two keys were written as one activity")
    if case.control is not None:
        count = case.control.written("conformance-key")
        require(count == 1, f"the source has {count} activities with the key that was written twice")


async def an_opt_out_reaches_its_field(case: SourceCase) -> None:
    """An opt-out sets the CRM's own fields, those of the catalogue that are writable, and can be written twice."""
    source = case.source()
    ref = (await source.walk((await _first(source)).id, None)).refs[0]
    channels: tuple[Kind, ...] = ("phone", "sms", "email")
    opt_out = Activity(ref, "opt_out", case.tools.clock.now(), "A conformance check", channels=channels)
    first = await source.write(opt_out, "conformance-opt-out")
    again = await case.source().write(opt_out, "conformance-opt-out")
    require(bool(first) and first == again, f"the same opt-out was written as {first!r} and as {again!r}")
    own = [one for one in await source.catalogue() if one.meaning.startswith("opt_out") and one.writable]
    [record] = await case.source().refresh([ref])
    for field in own:
        value = record.fields.get(field.name)
        require(says_yes(value), f"after an opt-out of all channels {field.name!r} is {value!r}")


SourceCheck = Callable[[SourceCase], Awaitable[None]]

#: Every promise of a source; the ones that change its data come last.
SOURCE_CHECKS: tuple[SourceCheck, ...] = (
    it_keeps_the_protocol,
    a_check_returns_findings,
    names_are_unique,
    a_walk_names_every_record,
    a_walk_goes_on_after_a_restart,
    nonsense_is_refused,
    records_can_be_fetched_by_id,
    requests_are_counted,
    writing_twice_writes_once,
    an_opt_out_reaches_its_field,
    a_merged_record_is_an_alias,
    changes_are_told,
)


async def exercise_source(
    make: Callable[[Tools], Source],
    *,
    tools: Tools,
    control: SourceControl | None = None,
    checks: Sequence[SourceCheck] = SOURCE_CHECKS,
) -> None:
    """Check every promise of a source that has a segment with records; raises `ConformanceFailure` with all broken
    ones.

    `make` builds a fresh source. With a `control` the suite changes the source's data and sees what is told of it.
    """
    await run_checks(SourceCase(make, tools, control), checks)
