"""The stage of the engine's tests, shared by the tests of verbs."""

from __future__ import annotations

from tests.engine.conftest import stage

__all__ = ["stage"]
