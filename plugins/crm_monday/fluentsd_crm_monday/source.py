"""The source `monday`: puts boards, segments, checks and writes behind the protocol of a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fluentsd.api import (
    Activity,
    Finding,
    NeedsHuman,
    Page,
    Record,
    RequestBudget,
    Segment,
    SourceField,
    SourceLimits,
    Tools,
    Unavailable,
    Usage,
    WriteLedger,
)
from fluentsd_crm_monday.boards import Board, Boards
from fluentsd_crm_monday.client import MondayClient
from fluentsd_crm_monday.segments import WALK_AT_ONCE, Segments
from fluentsd_crm_monday.settings import Settings
from fluentsd_crm_monday.writing import Writing


class MondaySource:
    """One account of monday.com."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._budget = RequestBudget(
            tools.clock, settings.interval, concurrency=1, daily=settings.calls_per_day, share=settings.daily_share,
            file=Path(tools.folder) / "requests.json",
        )  # fmt: skip
        self._client = MondayClient(settings, tools, self._budget)
        self._boards = Boards(self._client, settings, tools)
        self._segments = Segments(self._client, self._boards, settings, tools)
        self._ledger = WriteLedger(tools)
        self._writing = Writing(self._client, self._boards, settings, self._ledger)
        self.limits = SourceLimits(WALK_AT_ONCE, 1, settings.interval, WALK_AT_ONCE, settings.calls_per_day)

    async def check(self) -> Sequence[Finding]:
        """Check the token, the boards, and the columns that the settings name."""
        try:
            account = (await self._client.read("Me", {})).data
            boards = await self._boards.all(0)
        except Unavailable as why:
            return [Finding(False, f"monday: {why}", "check that this machine reaches api.monday.com, or wait")]
        except NeedsHuman as why:
            return [Finding(False, f"monday: {why}", "README of the plugin, step 1")]
        found = [Finding(True, f"monday: signed in to {(account.get('account') or {}).get('name', 'the account')!r}")]
        for ref in self._settings.boards:
            if ref not in boards:
                fix = "correct boards, or let the token's user see it"
                found.append(Finding(False, f"monday: there is no active board {ref}", fix))
        lacking = {ref: list(self._lacking(board)) for ref, board in boards.items()}
        is_fault = bool(self._settings.boards) or all(lacking.values())
        for ref, board in boards.items():
            found.append(Finding(True, f"monday: the board {board.name!r} can be read"))
            for lacks, channel in lacking[ref]:
                what = f"monday: the board {board.name!r} has no {lacks}: nobody on it is contacted ({channel})"
                found.append(Finding(not is_fault, what, "add it, or correct opt_out"))
        if not self._settings.opt_outs:
            fix = "set opt_out to a checkbox or status column; monday.com has no opt-outs of its own"
            found.append(Finding(True, "monday: no column says whom not to contact", fix))
        return found

    def _lacking(self, board: Board) -> Iterator[tuple[str, str]]:
        """The columns and labels of opt-outs that a board does not have, each with its channel."""
        for rule in self._settings.opt_outs:
            if rule.field not in board.columns and rule.field != "Group":
                yield f"column {rule.field!r}", rule.channel
            elif board.lacks_label(rule):
                labels = " or ".join(repr(one) for one in rule.values)
                yield f"label {labels} in its column {rule.field!r}", rule.channel

    async def catalogue(self) -> Sequence[SourceField]:
        """The columns of the boards."""
        return await self._boards.fields()

    async def segments(self) -> Sequence[Segment]:
        """Boards, groups, statuses."""
        return await self._segments.all()

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a segment."""
        return await self._segments.walk(segment, cursor)

    async def changes(self, segment: str, since: str | None) -> Page:
        """What changed in a segment; nothing, without a call, if its board was swept less than `every` ago."""
        return await self._segments.changes(segment, since)

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The active items with these ids on the boards that are followed."""
        wanted = [one for one in dict.fromkeys(ids) if one.isdecimal()]
        if not wanted:
            return []
        boards = await self._boards.all()
        columns = self._boards.columns(list(boards.values()))
        variables = {"ids": wanted, "limit": len(wanted), "columns": columns}
        reply = await self._client.read("Items", variables, urgent=True)
        return [
            self._boards.record(boards[str(one["board"]["id"])], one) for one in reply.data["items"]
            if str(one.get("state") or "active") == "active" and str((one.get("board") or {}).get("id")) in boards
        ]  # fmt: skip

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity as an update of its item, values and opt-outs to its columns."""
        return await self._writing.write(activity, key)

    def used(self) -> Usage:
        """The calls of today, as this machine counts them."""
        return self._budget.used()

    async def aclose(self) -> None:
        """Close the ledger."""
        self._ledger.close()
