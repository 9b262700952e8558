"""huey with SQLite, durable (`fsync=True`), one worker thread: due no-op tasks per second.

The tasks are queued without fsync, which is not measured; the measured consumer dequeues with fsync, one transaction
per task. Results are off, because a no-op has none.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from figures import syncs, tell
from huey import SqliteHuey

DONE: list[int] = []


def noop(number: int) -> None:
    DONE.append(number)


def open_huey(folder: Path, *, fsync: bool) -> tuple[SqliteHuey, Any]:
    huey = SqliteHuey("steps", filename=str(folder / "huey.db"), fsync=fsync, results=False)
    return huey, huey.task()(noop)


def main() -> None:
    folder, due = Path(sys.argv[1]), int(sys.argv[2])
    filling, task = open_huey(folder, fsync=False)
    for number in range(due):
        task(number)
    filling.storage.close()
    huey, _ = open_huey(folder, fsync=True)
    consumer = huey.create_consumer(
        workers=1, worker_type="thread", initial_delay=0.01, check_worker_health=False, periodic=False
    )
    before, began, worked = syncs(), time.perf_counter(), time.process_time()
    consumer.start()
    while len(DONE) < due:
        time.sleep(0.005)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    waited = None if before is None else (syncs() or 0) - before
    tell(rate=due / took, cpu_us=worked / due * 1e6, count=len(set(DONE)), durable_writes=waited)
    sys.stdout.flush()
    os._exit(0)  # the consumer's thread would wait for signals


if __name__ == "__main__":
    main()
