"""People in bulk: SQL into a file that no other process has open, because millions of verbs would take an hour.

Every person has a number, an address, candidate time zones in roughly the shares of the United States, a record of a
CSV row, an enrollment and a waiting row; the counters agree. `ANALYZE` is never run, as in the daemon.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

HOUR = 3600 * 1_000_000
DAY = 24 * HOUR
#: Waiting people are due from this time on, over three months.
SOONEST, SPAN = 6 * HOUR, 90 * DAY
STOPPED = 10_000
SLICE = 250_000

_MANY = "WITH RECURSIVE n(i) AS (VALUES(:first) UNION ALL SELECT i + 1 FROM n WHERE i < :last)"
_ZONES = """CASE
    WHEN (i * 7919) % 1000 < 440 THEN 'America/New_York'
    WHEN (i * 7919) % 1000 < 700 THEN 'America/Chicago'
    WHEN (i * 7919) % 1000 < 760 THEN 'America/Denver'
    WHEN (i * 7919) % 1000 < 780 THEN 'America/Phoenix'
    WHEN (i * 7919) % 1000 < 930 THEN 'America/Los_Angeles'
    WHEN (i * 7919) % 1000 < 940 THEN 'Pacific/Honolulu'
    WHEN (i * 7919) % 1000 < 945 THEN 'America/Anchorage'
    WHEN (i * 7919) % 1000 < 965 THEN 'America/New_York,America/Chicago'
    WHEN (i * 7919) % 1000 < 980 THEN 'America/Chicago,America/Denver'
    ELSE '' END"""
_FIELDS = """'{"First name":"Given' || i || '","Last name":"Family' || i || '","Company":"Number ' || i || ' & Sons",'
    || '"City":"Springfield","Source":"trade fair","Note":"asked for a call back after the holidays"}'"""
_TABLES = (
    f"INSERT INTO contact (id, zones, zone_basis, created_at, updated_at) {_MANY}"
    f" SELECT i, {_ZONES}, 'number', :at, :at FROM n",
    f"INSERT INTO point (id, kind, value) {_MANY} SELECT 2 * i, 'phone', '+1' || (2000000000 + i) FROM n",
    f"INSERT INTO point (id, kind, value) {_MANY}"
    " SELECT 2 * i + 1, 'email', printf('person%09d@example.com', i) FROM n",
    f"INSERT INTO contact_point (contact_id, point_id, position) {_MANY}"
    " SELECT i, 2 * i + mail, mail FROM n, (SELECT 0 AS mail UNION ALL SELECT 1)",
    "INSERT INTO record (source_id, object, key, contact_id, fields, seen_at)"
    f" {_MANY} SELECT :source, 'row', printf('row%09d', i), i, {_FIELDS}, :at FROM n",
    "INSERT INTO enrollment (id, campaign_id, contact_id, version_id, state, step, due_at, enrolled_at)"
    f" {_MANY} SELECT i, :campaign, i, :version, 'queued', :step,"
    " :due + CASE WHEN :span THEN (i * 2654435761) % :span ELSE 0 END, :at FROM n",
    "INSERT INTO waiting (lane_id, rank, due_at, enrollment_id)"
    " SELECT :lane, 1, due_at, id FROM enrollment WHERE id BETWEEN :first AND :last ORDER BY due_at, id",
)  # fmt: skip
_COUNT = (
    "INSERT INTO counter (campaign_id, state, node, count) VALUES (?, 'queued', '', ?)"
    " ON CONFLICT (campaign_id, state, node) DO UPDATE SET count = counter.count + excluded.count"
)


@contextmanager
def _alone(database: Path) -> Iterator[sqlite3.Connection]:
    """Open the file without a journal and without fsync; back in WAL mode afterwards."""
    with closing(sqlite3.connect(database, isolation_level=None)) as conn:
        conn.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-200000;")
        yield conn
        conn.execute("PRAGMA journal_mode=WAL")


def put(database: Path, ref: str, *, waiting: int = 0, due: int = 0, at: int) -> None:
    """Enroll `waiting` people who are due in hours to months, then `due` people who are due at `at`, all at the first
    step of campaign `ref`. The first call also fills the suppression list with strangers."""
    with _alone(database) as conn:
        fixed = _campaign(conn, ref, at)
        if not conn.execute("SELECT 1 FROM suppression").fetchone():
            _stop_strangers(conn, at)
        for count, moment, span in ((waiting, at + SOONEST, SPAN), (due, at, 0)):
            _enroll(conn, count, {**fixed, "due": moment, "span": span})


def _campaign(conn: sqlite3.Connection, ref: str, at: int) -> dict[str, int | str]:
    campaign, version, steps = conn.execute(
        "SELECT campaign.id, version_id, steps FROM campaign JOIN version ON version.id = version_id WHERE ref = ?",
        (ref,),
    ).fetchone()
    step, channel = conn.execute(
        "SELECT json_extract(?, '$[0].id'), json_extract(?, '$[0].channel')", (steps, steps)
    ).fetchone()
    (lane,) = conn.execute("SELECT id FROM lane WHERE campaign_id = ? AND channel = ?", (campaign, channel)).fetchone()
    conn.execute(
        "INSERT OR IGNORE INTO source (kind, name, config, created_at) VALUES ('csv', 'bench', '{}', ?)", (at,)
    )
    (source,) = conn.execute("SELECT id FROM source WHERE kind = 'csv' AND name = 'bench'").fetchone()
    return {"campaign": campaign, "version": version, "step": step, "lane": lane, "source": source, "at": at}


def _enroll(conn: sqlite3.Connection, count: int, fixed: dict[str, int | str]) -> None:
    (last,) = conn.execute(
        "SELECT max(coalesce((SELECT max(id) FROM contact), 0), coalesce((SELECT max(id) FROM enrollment), 0))"
    ).fetchone()
    end = last + count
    while last < end:
        first, last = last + 1, min(last + SLICE, end)
        conn.execute("BEGIN")
        for statement in _TABLES:
            conn.execute(statement, {**fixed, "first": first, "last": last})
        conn.execute(_COUNT, (fixed["campaign"], last - first + 1))
        conn.execute("COMMIT")


def _stop_strangers(conn: sqlite3.Connection, at: int) -> None:
    conn.execute("BEGIN")
    conn.execute(
        f"INSERT INTO suppression (kind, value, reason, by, at) {_MANY}"
        " SELECT 'phone', '+1' || (9000000000 + i * 7), 'opted_out', 'contact', :at FROM n",
        {"first": 1, "last": STOPPED, "at": at},
    )
    conn.execute("COMMIT")


def scatter_due(database: Path, count: int, at: int) -> None:
    """Make `count` of the people who wait for their first step due at `at`, spread evenly over the file: the worst case
    for locality."""
    with _alone(database) as conn:
        conn.execute("BEGIN")
        (people,) = conn.execute(
            "SELECT count(*) FROM enrollment WHERE due_at > ? AND touched_at IS NULL", (at,)
        ).fetchone()
        conn.execute(
            "CREATE TEMP TABLE chosen AS SELECT id, due_at FROM (SELECT id, due_at, row_number() OVER () AS nth"
            " FROM enrollment WHERE due_at > ? AND touched_at IS NULL) WHERE nth % ? = 0 LIMIT ?",
            (at, max(1, people // count), count),
        )
        conn.execute("DELETE FROM waiting WHERE (lane_id, rank, due_at, enrollment_id) IN"
                     " (SELECT lane.id, 1, chosen.due_at, chosen.id FROM chosen, lane)")  # fmt: skip
        conn.execute("UPDATE enrollment SET due_at = ? WHERE id IN (SELECT id FROM chosen)", (at,))
        conn.execute(
            "INSERT INTO waiting SELECT lane.id, 1, ?, chosen.id FROM chosen JOIN enrollment USING (id)"
            " JOIN lane ON lane.campaign_id = enrollment.campaign_id ORDER BY chosen.id",
            (at,),
        )
        conn.execute("COMMIT")
