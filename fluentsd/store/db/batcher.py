"""The batcher: rows that arrive together are written together.

Here rows are grouped, and each answer finds its way back to its caller. What must not live here: the meaning of the
rows, which is the unit's, and the crossing between threads, which is the bridge's. A durable commit costs the same for
one row as for 500, so while one group is written the next one fills; there is no timer.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

import trio
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.unavailable import StoreClosed, StoreUnavailable

R = TypeVar("R")


class RunsUnits(Protocol):
    """What the batcher needs of a `bridge.Store`."""

    async def run_whole(self, unit: Callable[..., Awaitable[Any]], /, *args: Any) -> Any: ...


class _Ticket(Generic[R]):
    """One row handed over, and the way back to its caller."""

    __slots__ = ("answer", "error", "row", "settled", "then")

    def __init__(self, row: R, then: Callable[[Any, Exception | None], object]) -> None:
        self.row, self.then = row, then
        self.settled = False
        self.answer: Any = None
        self.error: Exception | None = None


class Batcher(Generic[R]):
    """Writes rows that arrive together in one transaction.

    There is no timer: while one group is written the next one fills. `unit(conn, rows)` gets at most `most` rows, in
    the order they were handed, and may return a list with one answer per row. If it fails for a group, the group is
    halved until each bad row stands alone, in order, so a bad row harms only itself; an unavailable database is
    not the rows' fault, and rises at once to every caller of the group.
    """

    def __init__(
        self, store: RunsUnits, unit: Callable[[AsyncConnection, list[R]], Awaitable[list[Any] | None]], most: int = 500
    ) -> None:
        self._store, self._unit, self._most = store, unit, most
        self._waiting: deque[_Ticket[R]] = deque()
        self._started, self._wake = trio.Event(), trio.Event()
        self._closed = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write groups until `close()`. Closed or cancelled, it first commits every row already handed over."""
        self._started.set()
        task_status.started()
        try:
            while not self._closed:
                await self._wake.wait()
                self._wake = trio.Event() if not self._closed else self._wake
                await self._drain()
        finally:
            self.close()
            await self._drain()

    @property
    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Take no more rows; `run` ends once everything handed over is committed."""
        self._closed = True
        self._started.set()
        self._wake.set()

    async def hand(self, row: R) -> Any:
        """Hand over one row; return its answer once its transaction has committed.

        Cancellable until the row is handed over, not after: then the row's fate is returned or raised, and a cancel
        rises at the next checkpoint. Raises what the unit raised for this row, `StoreUnavailable`, or `StoreClosed`.
        """
        if not self._started.is_set():
            await self._started.wait()
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._closed:
            raise StoreClosed("The batcher is closed; the row was not taken.")
        done = trio.Event()
        ticket = _Ticket(row, lambda _answer, _error: done.set())
        self._waiting.append(ticket)
        self._wake.set()
        with trio.CancelScope(shield=True):
            await done.wait()
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer

    def post(self, row: R, then: Callable[[Any, Exception | None], object]) -> None:
        """Hand over one row without waiting: `then(answer, error)` is called, on Trio's thread, once its fate is known.

        What `hand` raises comes as `error`. For rows whose task has nothing left to do: no task is kept waiting.
        """
        ticket = _Ticket(row, then)
        if self._closed:
            _settle(ticket, error=StoreClosed("The batcher is closed; the row was not taken."))
            return
        self._waiting.append(ticket)
        self._wake.set()

    async def _drain(self) -> None:
        with trio.CancelScope(shield=True):
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                try:
                    await self._write(group)
                finally:  # nothing interrupts the callers' waits, so none may be left behind, even by Ctrl-C
                    for ticket in group:
                        if not ticket.settled:
                            _settle(ticket, error=StoreClosed("The batcher stopped.", in_doubt=True))

    async def _write(self, group: list[_Ticket[R]]) -> None:
        try:
            answers = await self._store.run_whole(self._answered, [ticket.row for ticket in group])
        except StoreUnavailable as error:
            for ticket in group:
                _settle(ticket, error=_again(error))
        except Exception as error:  # noqa: BLE001  # the unit's own error belongs to the callers of its rows
            if len(group) == 1:
                _settle(group[0], error=error)
                return
            half = len(group) // 2
            await self._write(group[:half])
            await self._write(group[half:])
        else:
            for ticket, answer in zip(group, answers, strict=True):
                _settle(ticket, answer=answer)

    async def _answered(self, conn: AsyncConnection, rows: list[R]) -> list[Any]:
        answers = await self._unit(conn, rows)
        if answers is not None and len(answers) != len(rows):
            raise ValueError(
                f"A batcher's unit answered {len(answers)} times for {len(rows)} rows; answer each or none."
            )
        return [None] * len(rows) if answers is None else answers


def _settle(ticket: _Ticket[Any], *, answer: Any = None, error: Exception | None = None) -> None:
    ticket.answer, ticket.error, ticket.settled = answer, error, True
    ticket.then(answer, error)


def _again(error: StoreUnavailable) -> StoreUnavailable:
    """Its own error for each caller, since each raise writes into the error's traceback."""
    own = copy.copy(error)
    own.__cause__ = error
    return own
