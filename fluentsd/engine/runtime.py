"""The runtime: the engine's shared state, used by the loops and the verbs.

It holds the store, the clock, the channels, the compiled plans and the wake-ups. What must not live here: logic (each
part gets the runtime and reads from it) and plugins (a channel is any object with the methods of `api.Channel`).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import trio

from fluentsd.api import AgentProvider, Finding, Kind, SignIn, Source
from fluentsd.domain.breakers import STANDARD, Breaker
from fluentsd.domain.gate import Limit
from fluentsd.domain.sync_options import USUAL, SyncOptions
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.calls.live import LiveCalls
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.claim import Claimed
from fluentsd.engine.dispatch.journal import Journal
from fluentsd.engine.dispatch.plans import Plans
from fluentsd.engine.dispatch.requests import Withdrawal
from fluentsd.engine.erasure.ledger import ErasureLedger
from fluentsd.engine.in_flight import InFlight
from fluentsd.engine.recordings.folder import Recordings
from fluentsd.engine.sync.state import SyncState
from fluentsd.engine.wakeup import EngineClock, Wakeup
from fluentsd.log import get_logger
from fluentsd.store.db.bridge import Store
from fluentsd.store.db.high_water import HighWaterMark
from fluentsd.store.db.server_lock import ServerLock

#: Pause before the next query after the database failed.
STORE_PAUSE = 1 * SECOND


class StoreState:
    """Logs when the database goes and when it comes back, once each, whichever loop notices."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.problem = ""  #: why the database cannot work; "" while it does

    def lost(self, why: str) -> None:
        """A unit of work failed because the database is unavailable."""
        if not self.problem:
            self._log.error("store.unavailable", reason=why, effect="nothing is claimed until it recovers")
        self.problem = why

    def found(self) -> None:
        """A unit of work succeeded."""
        if self.problem:
            self._log.info("store.recovered")
        self.problem = ""


class Approval(Protocol):
    """When a start needs a second person: with more people than `above`."""

    @property
    def above(self) -> int: ...
    def may_approve(self, call: Any) -> bool: ...


class ConnectRefused(Exception):
    """A source cannot be connected or disconnected; nothing was changed. The message has the cause and the fix."""


class ConnectsSources(Protocol):
    """Connects sources without a change of the settings' file."""

    @property
    def offers(self) -> Mapping[str, Sequence[SignIn]]: ...
    def plugin_of(self, name: str) -> str: ...
    def is_connected(self, name: str) -> bool: ...
    def refuse_name(self, name: str) -> None: ...
    async def connect(self, name: str, plugin: str, keys: Mapping[str, Any]) -> Sequence[Finding]: ...
    def disconnect(self, name: str) -> None: ...


class Runtime:
    """The engine's shared state; one per daemon."""

    def __init__(
        self,
        store: Store,
        clock: EngineClock,
        channels: Mapping[Kind, ChannelState],
        *,
        limits: tuple[Limit, ...] = (),
        breakers: tuple[Breaker, ...] = STANDARD,
        erasure_ledger: ErasureLedger | None = None,
        journal: Journal | None = None,
        high_water: HighWaterMark | None = None,
        node: str = "this",
        sources: Mapping[str, Source] | None = None,
        sync_options: Mapping[str, SyncOptions] | None = None,
        agent_providers: Mapping[str, AgentProvider] | None = None,
        lock: ServerLock | None = None,
        recordings: Recordings | None = None,
        connecting: ConnectsSources | None = None,
        log: Any = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.channels = dict(channels)
        self.log = log or get_logger()
        #: Sources and agent providers, by the names of their tables.
        self.sources, self.agent_providers = dict(sources or {}), dict(agent_providers or {})
        options = sync_options or {}
        #: How the sync of each source stands.
        self.syncs = {name: SyncState(options.get(name, USUAL)) for name in self.sources}
        self.sync_wakeups = {name: Wakeup() for name in self.sources}  #: a source has something to do
        self.calls = LiveCalls()  #: calls in progress, and those whose socket is about to open
        spacing = max((channel_state.abilities.sender_interval for channel_state in channels.values()), default=0)
        self.plans = Plans(limits, breakers, spacing)
        #: Key and hashes of erased people, stored outside the database.
        self.erasure_ledger = erasure_ledger or ErasureLedger()
        self.journal = journal or Journal()  #: which committed attempts were handed to their provider
        self.recordings = recordings or Recordings(None)  #: the folder of recordings
        self.connecting = connecting  #: None where the settings are no file, as in a demo
        self.high_water = high_water or HighWaterMark()  #: the newest claim, noted outside the database
        self.node = node  #: this installation's name in the table of nodes
        self.lock = lock  #: the lock that has to beat; None on SQLite, where the kernel knows who lives
        self.dispatcher_wakeup = Wakeup()  #: something may be due
        self.reconciler_wakeup = Wakeup()  #: a deadline of an open attempt changed
        self.outbox_wakeups: dict[str, list[Wakeup]] = defaultdict(list)  #: target → who delivers its events
        store.on_posted = self.wake_targets
        self.schedule_wakeup = Wakeup()  #: a start was scheduled
        self.completion_wakeup = Wakeup()  #: an enrollment ended
        self.cancellation_wakeup = Wakeup()  #: calls have to be withdrawn
        self.recompute_wakeup = Wakeup()  #: due times have to be recomputed
        self.ended_campaigns: set[int] = set()  #: campaigns in which an enrollment ended since the last check
        self.paused: set[int] = set()  #: campaigns whose claimed attempts must not begin
        self.not_before: dict[int, int] = {}  #: lane → earliest time of its next claim, even when rows are due
        self.known_until = 0  #: the newest moment in the database at the start; see `held_start`
        self.closing = False
        self.claiming = trio.CancelScope()  #: around the dispatcher's claims
        self.listens_at: str | None = None  #: address of the web front, once it listens
        #: Requests a start with new settings; None without a daemon.
        self.reload: Callable[[], Awaitable[None]] | None = None
        self.approval: Approval | None = None  #: whether a start needs a second person; None: never
        #: Guarded fronts → a function that tells the problem, "" if none.
        self.fronts: dict[str, Callable[[], str]] = {}
        self.in_flight = InFlight()
        self.engine_runs = False  #: whether the engine's loops run in this process, so that something can be sent
        self.committed: deque[Claimed] = deque()  #: attempts that a verb has committed; the dispatcher sends them next
        self.withdrawals: deque[Withdrawal] = deque()  #: calls to cancel; see `cancellation`
        self.targets_down: dict[str, int] = {}  #: targets of the outbox that do not answer → the next probe
        self.store_state = StoreState(self.log)
        self.wakeups = 0  #: passes of the dispatcher, for monitoring

    def may_contact(self) -> bool:
        """Whether nobody can have taken over this database; then sends may begin."""
        return self.lock is None or self.lock.is_fresh

    def stop_claiming(self) -> None:
        """Claim no more. Claimed attempts that have not begun are recorded as not sent; the engine goes on, for calls
        in progress."""
        self.closing = True
        self.claiming.cancel()

    def send_committed(self, claimed: Claimed) -> None:
        """Have an attempt sent that a verb has committed (a manual reply)."""
        self.committed.append(claimed)
        self.dispatcher_wakeup.notify()

    def withdraw(self, request: Withdrawal) -> None:
        """Have calls withdrawn that are not answered yet."""
        self.withdrawals.append(request)
        self.cancellation_wakeup.notify()

    def wake_targets(self, names: Collection[str]) -> None:
        """Have the outbox serve these targets now."""
        for name in names:
            for wakeup in self.outbox_wakeups.get(name, ()):
                wakeup.notify()

    def look_again(self) -> None:
        """Let every lane try a claim again, because its obstacle (a budget, a caller ID) may be gone."""
        self.not_before.clear()
        self.dispatcher_wakeup.notify()

    def enrollment_ended(self, campaign_ids: set[int]) -> None:
        """Check whether these campaigns are finished, because an enrollment in them ended."""
        if campaign_ids:
            self.ended_campaigns |= campaign_ids
            self.completion_wakeup.notify()
            if self.in_flight.of("phone"):
                self.cancellation_wakeup.notify()  # somebody may be called who has left
