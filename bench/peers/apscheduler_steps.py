"""APScheduler 3, SQLAlchemy store on SQLite (WAL, synchronous=FULL), default thread pool: due no-op jobs per second.

The jobs are added while the scheduler is paused and its store writes without fsync, which is not measured; then fresh
connections with fsync run them.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from pathlib import Path

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from figures import syncs, tell
from sqlalchemy import Engine, create_engine, event

DONE: list[int] = []


def noop(number: int) -> None:
    DONE.append(number)


def open_scheduler(folder: Path, synchronous: list[str]) -> tuple[BackgroundScheduler, Engine]:
    """A paused scheduler; its connections use the value of `synchronous` at the time they are opened."""
    engine = create_engine(f"sqlite:///{folder}/apscheduler.db")

    @event.listens_for(engine, "connect")
    def _prepare(connection, _):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous[-1]}")

    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(engine=engine)},
        job_defaults={"misfire_grace_time": None, "max_instances": 1_000_000},
        timezone="UTC",
    )
    scheduler.start(paused=True)
    return scheduler, engine


def main() -> None:
    folder, due = Path(sys.argv[1]), int(sys.argv[2])
    synchronous = ["OFF"]
    scheduler, engine = open_scheduler(folder, synchronous)
    at = dt.datetime.now(dt.UTC)
    for number in range(due):
        scheduler.add_job(noop, args=[number], trigger="date", run_date=at)
    synchronous.append("FULL")
    engine.dispose()
    before, began, worked = syncs(), time.perf_counter(), time.process_time()
    scheduler.resume()
    while len(DONE) < due:
        time.sleep(0.005)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    waited = None if before is None else (syncs() or 0) - before
    tell(rate=due / took, cpu_us=worked / due * 1e6, count=len(set(DONE)), durable_writes=waited)
    sys.stdout.flush()
    os._exit(0)  # do not wait for the scheduler's threads


if __name__ == "__main__":
    main()
