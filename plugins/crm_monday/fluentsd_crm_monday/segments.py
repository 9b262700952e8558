"""Boards, groups and statuses as segments.

monday has no "changed since": a sweep of the board with ids and times tells. One sweep serves all segments of a board,
and no board is swept more often than `every`, because calls are few. Cursors live 60 minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.api import Invalid, Page, Segment, Tools, count_of, malformed, read_cursor, write_cursor
from fluentsd_crm_monday.boards import FRESH, REMEMBERED, Board, Boards, moment
from fluentsd_crm_monday.client import CursorEnded, MondayClient, Reply
from fluentsd_crm_monday.settings import Settings
from fluentsd_crm_monday.values import Column, number_of

#: Items on a page of a walk, and of a sweep, which asks for less of each.
WALK_AT_ONCE, SWEEP_AT_ONCE = 100, 500
#: The most items that are looked up one by one because a sweep did not name them; of more only a walk tells.
LOOKED_UP = 300
#: How long a cursor is used, in microseconds: monday ends it after 60 minutes.
CURSOR_LIFE = 55 * 60 * 1_000_000
#: How far a comparison of times reaches back, in microseconds.
OVERLAP = 120 * 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A segment: a board, perhaps a group of it, perhaps a label of a status column by its number, which stays when the
    label is renamed."""

    board: Board
    group: str = ""
    column: Column | None = None
    label: str = ""

    def holds(self, item: Mapping[str, Any]) -> bool | None:
        """Whether an item is in it; None when the item does not say so."""
        if str(item.get("state") or "active") != "active":
            return False
        if self.group:
            group = item.get("group")
            return None if group is None else str(group["id"]) == self.group
        if self.column is not None:
            values = {str(one["id"]): one for one in item.get("column_values") or []}
            mine = values.get(self.column.id)
            number = None if mine is None else number_of(self.column, mine)
            return None if number is None else number == self.label
        return True


@dataclass(frozen=True, slots=True)
class Sweep:
    """All items of a board at an instant, with their times; `asked_at` is our clock, `at` monday's."""

    asked_at: int
    at: int
    items: Sequence[Mapping[str, Any]]
    calls: int


class Segments:
    """The segments of one account."""

    def __init__(self, client: MondayClient, boards: Boards, settings: Settings, tools: Tools) -> None:
        self._client, self._boards, self._settings, self._tools = client, boards, settings, tools
        self._sweeps: dict[str, Sweep] = {}
        self._told: dict[str, frozenset[str]] = {}
        #: The sweep by which each segment was told last.
        self._told_by: dict[str, Sweep] = {}

    async def all(self) -> list[Segment]:
        """Boards, their groups, and the labels of their status columns."""
        found: list[Segment] = []
        for board in (await self._boards.all(FRESH)).values():
            found.append(Segment(f"list:{board.id}", board.name, board.size, "list"))
            for ref, title in board.groups.items():
                found.append(Segment(f"group:{board.id}/{ref}", f"{board.name}: {title}", None, "group"))
            for column in board.columns.values():
                if column.type == "status":
                    for number, label in column.labels.items():
                        ref = f"status:{board.id}/{column.id}/{number}"
                        found.append(Segment(ref, f"{board.name}: {column.name}: {label}", None, "status"))
        return found

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a segment."""
        place, now = await self._place(segment), self._tools.clock.now()
        columns = self._columns(place)
        if cursor is None:
            variables = {
                "board": [place.board.id], "limit": WALK_AT_ONCE, "rules": _rules(place), "columns": columns,
            }  # fmt: skip
            reply = await self._first(segment, variables)
            board = _board_of(reply.data, place.board)
            page, count = board["items_page"], count_of(board.get("items_count"))
            state: dict[str, Any] = {"began": now, "from": reply.at or now, "named": 0, "unsure": False, "count": count}
        else:
            state = dict(read_cursor(cursor, "walk"))
            state.pop("kind")
            if state.pop("of") != segment:
                raise ValueError("this cursor is one of another segment; begin again")
            if now - int(state["began"]) > CURSOR_LIFE:
                raise CursorEnded("monday.com's cursors live 60 minutes; begin again")
            variables = {"cursor": state["cursor"], "limit": WALK_AT_ONCE, "columns": columns}
            page = await self._next(variables)
        state["named"] = int(state.get("named", 0)) + len(page["items"])
        state["unsure"] = bool(state.get("unsure")) or any(place.holds(one) is None for one in page["items"])
        items = {str(one["id"]): one for one in page["items"] if place.holds(one)}
        records = [self._boards.record(place.board, one) for one in items.values()]
        if page["cursor"]:
            following = write_cursor("walk", of=segment, **{**state, "cursor": page["cursor"]})
            return Page(list(items), records, following, as_of=now, requests=1)
        is_board = not place.group and place.column is None
        whole = not state["unsure"] and (not is_board or int(state["named"]) >= int(state.get("count") or 0))
        since = write_cursor("since", of=segment, **{"from": state["from"]})
        return Page(list(items), records, complete=whole, as_of=now, since=since, requests=1)

    async def changes(self, segment: str, since: str | None) -> Page:
        """The items that changed since, and those that left."""
        place = await self._place(segment)
        state = None if since is None else read_cursor(since, "since")
        if state is not None and state["of"] != segment:
            raise ValueError("this cursor is one of another segment; walk it")
        sweep, is_new = await self._sweep(place.board)
        if state is not None and self._told_by.get(segment) is sweep and int(state["from"]) == sweep.at:
            return Page([], as_of=sweep.asked_at, since=since)  # the same sweep names the same items again
        members = {str(one["id"]) for one in sweep.items if place.holds(one)}
        others = {str(one["id"]) for one in sweep.items if place.holds(one) is False}
        unsure = {str(one["id"]) for one in sweep.items} - members - others
        known = self._told.get(segment, frozenset())
        unnamed = known - members - others - unsure
        too_many = len(unnamed) > LOOKED_UP  # only a walk can tell
        still_there, calls = (unnamed, 0) if too_many else await self._confirm(place, unnamed)
        is_told = segment in self._told
        self._told[segment] = frozenset(members | (known & unsure) | (set() if too_many else still_there))
        self._told_by[segment] = sweep
        cursor = write_cursor("since", of=segment, **{"from": sweep.at})
        requests = calls + (sweep.calls if is_new else 0)
        if state is None:
            return Page([], [], as_of=sweep.asked_at, since=cursor, requests=requests)
        begin = int(state["from"]) - OVERLAP
        touched = [str(one["id"]) for one in sweep.items if (moment(one.get("updated_at")) or begin) >= begin]
        new = sorted(members - known) if is_told else []
        refs = list(dict.fromkeys([*new, *(ref for ref in touched if ref in members)]))
        gone = (set(touched) & others) | (known & others) | (unnamed - still_there)
        return Page(
            refs, as_of=sweep.asked_at, gone=sorted(gone), since=cursor, walk_again=too_many, requests=requests
        )  # fmt: skip

    async def _confirm(self, place: Place, unnamed: frozenset[str]) -> tuple[frozenset[str], int]:
        """Those of these items, which a sweep did not name, that are in the segment or do not say that they are not,
        and the calls. An item that monday does not return by its id is not active any more."""
        found: set[str] = set()
        wanted = sorted(unnamed)
        for start in range(0, len(wanted), WALK_AT_ONCE):
            part = wanted[start : start + WALK_AT_ONCE]
            variables = {"ids": part, "limit": len(part), "columns": self._columns(place)}
            items = (await self._client.read("Items", variables)).data["items"]
            mine = [one for one in items if str(one["board"]["id"]) == place.board.id]
            found |= {str(one["id"]) for one in mine if place.holds(one) is not False}
        return frozenset(found), -(-len(wanted) // WALK_AT_ONCE)

    async def _first(self, segment: str, variables: Mapping[str, Any]) -> Reply:
        """The first page of a walk. Where monday refuses it, the group or column may be gone since the boards were
        read: a LookupError, and no fault of the account."""
        try:
            return await self._client.read("FirstPage", variables)
        except Invalid:
            if _place_in(await self._boards.all(0), segment) is None:
                raise LookupError(f"monday.com has no segment {segment!r} any more") from None
            raise

    async def _next(self, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The page at a cursor; one that leads to itself is no page."""
        page: Mapping[str, Any] = (await self._client.read("NextPage", variables)).data["next_items_page"]
        if page["cursor"] == variables["cursor"]:
            raise malformed("monday.com", "the query NextPage", "its cursor is the one that was asked for")
        return page

    async def _sweep(self, board: Board) -> tuple[Sweep, bool]:
        """All items of a board, at most `every` old; and whether they were asked for now."""
        now, known = self._tools.clock.now(), self._sweeps.get(board.id)
        if known is not None and 0 <= now - known.asked_at < self._settings.every:
            return known, False
        statuses = [one.id for one in board.columns.values() if one.type == "status"] or ["name"]
        variables = {"board": [board.id], "limit": SWEEP_AT_ONCE, "rules": None, "columns": statuses}
        reply = await self._client.read("FirstPage", variables)
        first = _board_of(reply.data, board)
        page, calls = first["items_page"], 1
        items = list(page["items"])
        while page["cursor"]:
            variables = {"cursor": page["cursor"], "limit": SWEEP_AT_ONCE, "columns": statuses}
            page = await self._next(variables)
            items += page["items"]
            calls += 1
        self._sweeps[board.id] = Sweep(now, reply.at or now, items, calls)
        return self._sweeps[board.id], True

    async def _place(self, segment: str) -> Place:
        """A segment; raises LookupError if there is none of this name, also among boards that are read for it."""
        for max_age in (REMEMBERED, FRESH):
            if found := _place_in(await self._boards.all(max_age), segment):
                return found
        raise LookupError(f"monday.com has no segment {segment!r} (or boards does not name its board)")

    def _columns(self, place: Place) -> list[str]:
        return self._boards.columns([place.board], [place.column.id] if place.column else [])


def _place_in(boards: Mapping[str, Board], segment: str) -> Place | None:
    """The segment of this name among boards."""
    kind, _, ref = segment.partition(":")
    board_id, _, rest = ref.partition("/")
    board = boards.get(board_id)
    if board is not None and kind == "list" and not rest:
        return Place(board)
    if board is not None and kind == "group" and rest in board.groups:
        return Place(board, group=rest)
    if board is not None and kind == "status":
        column_id, _, number = rest.partition("/")
        column = next((one for one in board.columns.values() if one.id == column_id), None)
        if column is not None and column.type == "status" and number in column.labels and number.isdecimal():
            return Place(board, column=column, label=number)
    return None


def _board_of(data: Mapping[str, Any], board: Board) -> Mapping[str, Any]:
    """The board of a first page; raises LookupError if monday does not have it any more."""
    found = next((one for one in data["boards"] if one is not None), None)
    if found is None:
        raise LookupError(f"monday.com has no board {board.id}")
    return dict(found)


def _rules(place: Place) -> Mapping[str, Any] | None:
    """The filter of a walk; what it lets through is compared again here."""
    if place.group:
        return {"rules": [{"column_id": "group", "compare_value": [place.group], "operator": "any_of"}]}
    if place.column is not None:
        return {"rules": [{"column_id": place.column.id, "compare_value": [int(place.label)], "operator": "any_of"}]}
    return None
