"""A look at a database from outside, for the doctor: read-only, without a lock, an upgrade or a file left beside it."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, create_engine, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from fluentsd.domain.agents import Agent
from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.contacts.rereading import of_person
from fluentsd.domain.state_machines import CampaignState
from fluentsd.store import rereading, tables
from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.columns import columns_in, columns_of, difference

#: A file up to this size is read as a whole to see whether it is sound: some tenths of a second.
READ_AT_MOST = 128 * 1024 * 1024
#: Seconds for reading people again, people in one page, and people named in a finding.
REREAD_FOR, _PAGE, _NAMED = 3.0, 500, 3
_UNDER_WAY = (CampaignState.scheduled, CampaignState.active, CampaignState.paused)


class Damaged(Exception):
    """The database cannot be read as one; the message is the driver's."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A campaign that is scheduled, active or paused, and the caller IDs it may use now."""

    ref: str
    state: str
    spec: CampaignFile
    caller_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class ReadOtherwise:
    """What is read otherwise today than it is kept: counts by `rereading.What`, and whose it is, by contact id,
    the first of them. `read`: how many people were read; `is_all` whether those are all."""

    read: int = 0
    is_all: bool = True
    counts: Mapping[str, int] = field(default_factory=dict)
    whose: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """`schema` 0: no version table. `campaigns`, `agents`, `latest_act_at` and `otherwise` only where the schema is
    `known_schema`."""

    tables: tuple[str, ...]
    schema: int
    made_by: str | None
    is_standby: bool = False
    latest_act_at: int = 0
    unlike: str = ""  #: how its tables differ from those of `schema`, "" when they do not
    campaigns: tuple[UnderWay, ...] = ()
    agents: tuple[Agent, ...] = ()
    otherwise: ReadOtherwise = field(default_factory=ReadOtherwise)


def known_schema() -> int:
    """The schema of this release."""
    return tables.SCHEMA_VERSION


def inspect_file(file: Path) -> Inspection:
    """Look at a SQLite file. Raises `Damaged`."""
    # the driver is closed here, since a pool does not own a connection that turns out to be no database
    try:
        with closing(_open(file)) as driver, _through(driver) as conn:
            if file.stat().st_size <= READ_AT_MOST:
                answers = list(conn.execute(text("PRAGMA quick_check(3)")).scalars())
                if answers != ["ok"]:
                    raise Damaged("; ".join(answers))
            return _inspect(conn)
    except (SQLAlchemyError, sqlite3.Error) as why:
        raise Damaged(str(getattr(why, "orig", None) or why)) from why


async def inspect_server(url: str) -> Inspection:
    """Look at a PostgreSQL database. Raises `Damaged`, `StoreUnavailable` or `BadStoreURL`."""
    try:
        async with open_store(url, busy_after=1.0) as store:
            return await store.read(lambda conn: conn.run_sync(_inspect))
    except SQLAlchemyError as why:
        raise Damaged(str(getattr(why, "orig", None) or why)) from why


@contextmanager
def _through(driver: sqlite3.Connection) -> Iterator[Connection]:
    with create_engine("sqlite://", creator=lambda: driver, poolclass=NullPool).connect() as conn:
        yield conn


def _open(file: Path) -> sqlite3.Connection:
    """The file for reading. A log beside it belongs to a writer, and is read along; without one the file is whole,
    and opening it as immutable keeps SQLite from leaving a log of ours."""
    log = file.with_name(f"{file.name}-wal")
    uri = f"{file.absolute().as_uri()}?mode=ro{'' if log.exists() else '&immutable=1'}"
    return sqlite3.connect(uri, uri=True, check_same_thread=False)


def _inspect(conn: Connection) -> Inspection:
    names = tuple(sorted(inspect(conn).get_table_names()))
    version = int(_one(conn, "SELECT version_num FROM alembic_version", names, "alembic_version") or 0)
    made_by = _one(conn, "SELECT value FROM meta WHERE key = 'made_by'", names, "meta")
    if made_by != "fluentsd" or version != tables.SCHEMA_VERSION:
        return Inspection(names, version, made_by)
    if words := difference(columns_of(conn), columns_in(tables.metadata)):
        return Inspection(names, version, made_by, unlike=words)
    is_server = conn.dialect.name == "postgresql"
    standby = is_server and bool(conn.execute(text("SELECT pg_is_in_recovery()")).scalar())
    latest = conn.execute(select(func.max(tables.audit.c.at))).scalar() or 0
    campaigns, otherwise = tuple(_under_way(conn)), _read_otherwise(conn)
    agents = tuple(_agents(conn))
    return Inspection(names, version, made_by, standby, latest, campaigns=campaigns, agents=agents, otherwise=otherwise)


def _read_otherwise(conn: Connection) -> ReadOtherwise:
    """Compare what is kept of people with today's readings; an upgrade of fluentsd reads no cell again."""
    counts, whose, read, after = Counter[str](), dict[int, None](), 0, 0
    ends_at = time.monotonic() + REREAD_FOR
    while page := rereading.people(conn, after, _PAGE):
        read, after = read + len(page), page[-1].contact_id
        for found in (one for kept in page for one in of_person(kept)):
            counts[found.what] += 1
            if len(whose) < _NAMED:
                whose[found.contact_id] = None
        if time.monotonic() > ends_at:
            return ReadOtherwise(read, len(page) < _PAGE, counts, tuple(whose))
    return ReadOtherwise(read, True, counts, tuple(whose))


def _one(conn: Connection, question: str, names: Sequence[str], table: str) -> str | None:
    found = conn.execute(text(question)).scalar() if table in names else None
    return None if found is None else str(found)


def _under_way(conn: Connection) -> Iterator[UnderWay]:
    campaign = tables.campaign
    mine = select(campaign.c.ref, campaign.c.state, campaign.c.spec).where(campaign.c.state.in_(_UNDER_WAY))
    for ref, state, raw in conn.execute(mine.order_by(campaign.c.ref)).all():
        spec = read_campaign(raw)
        yield UnderWay(ref, state, spec, _caller_ids(conn, spec))


def _agents(conn: Connection) -> Iterator[Agent]:
    """The newest version of each agent that is not archived."""
    agent, newest = tables.agent, dict[str, dict[str, object]]()
    mine = select(agent.c.name, agent.c.spec).where(agent.c.removed_at.is_(None))
    for name, spec in conn.execute(mine.order_by(agent.c.name, agent.c.version)).all():
        newest[name] = spec
    for spec in newest.values():
        yield Agent.model_validate(spec)


def _caller_ids(conn: Connection, spec: CampaignFile) -> frozenset[str]:
    number, tag = tables.number, tables.number_tag
    tagged = select(tag.c.number_id).where(tag.c.tag.in_(spec.numbers.tags))
    usable = select(number.c.e164).where(number.c.retired_at.is_(None))
    named = number.c.e164.in_(spec.numbers.numbers) | number.c.id.in_(tagged)
    return frozenset(conn.execute(usable.where(named)).scalars())
