"""The promises of `fluentsd.api.Source`, each as one check. Provisional, like the protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from fluentsd.api import Activity, Page, Record, Segment, Source, Tools
from fluentsd.api.contract import check as compare
from fluentsd.testing.promises import require, run_checks

#: Pages after which a walk counts as endless.
PAGES_AT_MOST = 1000


class SourceControl(Protocol):
    """The source's own data, from its own side. `segment` is a segment's id."""

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> None:
        """Add a record to a segment, or replace it."""

    def remove(self, segment: str, record: str) -> None:
        """Take a record out of a segment."""

    def written(self, key: str) -> int:
        """How many activities with this key it has."""


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
    """Fields and segments have names, and no two have the same."""
    source = case.source()
    fields = [field.name for field in await source.catalogue()]
    segments = [segment.id for segment in await source.segments()]
    for named, what in ((fields, "fields"), (segments, "segments")):
        require(all(named) and len(set(named)) == len(named), f"the {what} are {named}: empty or repeated names")


async def a_walk_names_every_record_once(case: SourceCase) -> None:
    """A walk has pages of at most `limits.page`, names each record once, and only its last page is complete."""
    source = case.source()
    for segment in await source.segments():
        pages = await walked(source, segment.id)
        refs = [ref for page in pages for ref in page.refs]
        require(len(set(refs)) == len(refs), f"the walk of {segment.id!r} names a record twice")
        require(segment.size in (None, len(refs)), f"{segment.id!r} has {segment.size} records; its walk {len(refs)}")
        require(not any(page.complete for page in pages[:-1]), f"a page before the last of {segment.id!r} is complete")
        require(pages[-1].complete, f"the last page of {segment.id!r} is not complete, so nobody ever leaves")
        require(pages[-1].since is not None, f"the last page of {segment.id!r} has no cursor for its changes")
        for page in pages:
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
    found = await source.refresh([*page.refs[: source.limits.page - 1], "no such record"])
    require([one.id for one in found] == list(page.refs[: source.limits.page - 1]), f"refresh returned {found!r}")
    known = {field.name for field in await source.catalogue()}
    for record in found:
        require(set(record.fields) <= known, f"record {record.id!r} has fields that the catalogue lacks")
    if page.records is not None:
        same: Sequence[Record] = page.records[: len(found)]
        require([one.fields for one in found] == [one.fields for one in same], "refresh and walk differ")


async def changes_are_told(case: SourceCase) -> None:
    """Changes since now are none; a new record and one that left are told, by a fresh source too."""
    segment = await _first(case.source())
    page = await case.source().changes(segment.id, None)
    require(not page.refs and not page.gone, f"changes since now are {page!r}")
    require(page.since is not None, "changes since now have no cursor")
    if case.control is None:
        return
    leaver = (await case.source().walk(segment.id, None)).refs[0]
    case.control.put(segment.id, "conformance-1", {})
    case.control.remove(segment.id, leaver)
    told = [await case.source().changes(segment.id, page.since)]
    while (cursor := told[-1].next) is not None:
        told.append(await case.source().changes(segment.id, cursor))
    came, went = {ref for one in told for ref in one.refs}, {ref for one in told for ref in one.gone}
    require(came == {"conformance-1"}, f"one record came, and the changes name {sorted(came)}")
    require(went == {leaver}, f"{leaver!r} left, and the changes name {sorted(went)}")
    again = await case.source().changes(segment.id, told[-1].since)
    require(not again.refs and not again.gone, "changes that were told are told again")


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


SourceCheck = Callable[[SourceCase], Awaitable[None]]

#: Every promise of a source; the ones that change its data come last.
SOURCE_CHECKS: tuple[SourceCheck, ...] = (
    it_keeps_the_protocol,
    a_check_returns_findings,
    names_are_unique,
    a_walk_names_every_record_once,
    a_walk_goes_on_after_a_restart,
    nonsense_is_refused,
    records_can_be_fetched_by_id,
    writing_twice_writes_once,
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
