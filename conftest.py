"""What counts for every test, the house's and the plugins'."""

from __future__ import annotations

from hypothesis import settings

# How long one example takes says how busy the machine is; a test that hangs is ended by its timeout.
settings.register_profile("house", parent=settings(), deadline=None)
settings.load_profile("house")
