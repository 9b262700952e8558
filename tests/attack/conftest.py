"""A web front per test, on each database or on SQLite alone."""

from __future__ import annotations

from tests.fronts.web.conftest import front, front_on_both

__all__ = ["front", "front_on_both"]
