"""The calendars of contact windows: shared, safe for threads, fast, and without heavy imports."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time

from fluentsd.domain.time.windows import (
    calendar,
)
from tests.domain.time.wall import LONDON, NEW_YORK, fresh, instant, window


def test_equal_rules_share_one_calendar_in_any_order_of_zones():
    assert calendar(window(), (NEW_YORK, LONDON)) is calendar(window(), [LONDON, NEW_YORK, LONDON])
    assert calendar(window(), (NEW_YORK,)) is not calendar(window(), (NEW_YORK,), window("10:00-11:00"))


def test_answers_do_not_depend_on_earlier_questions():
    rules = window("09:00-12:00, 22:00-03:00", presets=("us-federal-holidays",))
    one = fresh(rules, (NEW_YORK,))
    asked = [instant(f"{year}-0{month}-03 12:30") for year in (2026, 2019, 2045, 2024, 2026) for month in (1, 3, 7)]
    assert [one.next_open(at) for at in asked] == [fresh(rules, (NEW_YORK,)).next_open(at) for at in asked]


def test_threads_may_share_a_calendar():
    shared, wrong = fresh(window(), (NEW_YORK,)), []
    first, last = instant("2000-01-01"), instant("2040-01-01")
    asked = random.Random(7).sample(range(first, last), 60)
    expected = {at: fresh(window(), (NEW_YORK,)).next_open(at) for at in asked}

    def ask(order):
        wrong.extend(at for at in order if shared.next_open(at) != expected[at])

    threads = [threading.Thread(target=ask, args=(asked[::step],)) for step in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_warm_answer_takes_microseconds():
    # The figure is under half a microsecond; ten times that still fails a scan of the days.
    warm, start = fresh(window("09:00-12:00, 13:00-19:00"), (NEW_YORK,)), instant("2026-11-23 09:00")
    asked = [start + step * 3_607_000_000 for step in range(5000)]
    warm.next_open(asked[-1])
    warm.next_open(asked[0])
    best = min(_seconds(warm, asked) for _ in range(5))
    assert best / len(asked) < 5e-6


def _seconds(one, asked):
    began = time.perf_counter()
    for at in asked:
        one.next_open(at)
    return time.perf_counter() - began


def test_importing_windows_imports_neither_holidays_nor_phone_numbers():
    imports = "import sys, fluentsd.domain.time.windows, fluentsd.domain.places.location"
    code = f"{imports}; print({{'holidays', 'phonenumbers'}} & {{*sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.strip() == "set()"
