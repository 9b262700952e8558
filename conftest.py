"""Settings of all tests, those of fluentsd and of its plugins."""

from __future__ import annotations

from hypothesis import settings

from tests.certificates import share_certificates

# The time of one example depends on the machine's load; the timeout ends a test that hangs.
settings.register_profile("fluentsd", parent=settings(), deadline=None)
settings.load_profile("fluentsd")

share_certificates()
