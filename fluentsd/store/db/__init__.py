"""The database beneath the store: the bridge to its thread, engines, units of work, the lock, upgrades.

`Connection` is what a unit of work gets. Code outside `store` names it only to pass it on.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection as Connection

__all__ = ["Connection"]
