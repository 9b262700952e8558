"""Runs the checks of a conformance suite and reports every broken promise at once.

A check is a named async function of a case; the first line of its docstring is the promise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

C = TypeVar("C")


class ConformanceFailure(AssertionError):
    """A plugin breaks a promise that the engine relies on."""


def require(holds: bool, otherwise: str) -> None:
    """Fail the check with a sentence about the plugin's behaviour."""
    if not holds:
        raise ConformanceFailure(otherwise)


async def run_checks(case: C, checks: Sequence[Callable[[C], Awaitable[None]]]) -> None:
    """Run every check; raises `ConformanceFailure` with all broken promises."""
    broken: list[str] = []
    causes: list[Exception] = []
    for check in checks:
        try:
            await check(case)
        except Exception as why:  # noqa: BLE001 - one broken promise must not hide the others
            words = str(why) if isinstance(why, ConformanceFailure) else f"crashed with {why!r}"
            broken.append(f"  {check.__name__}: {words}")
            causes.append(why)
    if broken:
        heading = f"{len(broken)} of {len(checks)} promises are broken"
        raise ConformanceFailure("\n".join([heading, *broken])) from ExceptionGroup(heading, causes)
