"""What the process that forks others does before: it imports the plugins with what they need, reads the certificates,
and leaves what it has to no garbage collector. Nothing else imports this."""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points

from fluentsd.plugins import GROUP, discover
from tests.certificates import read_certificates

discover()
for plugin in entry_points(group=GROUP):
    for part in ("channel", "source"):
        with suppress(ModuleNotFoundError):
            import_module(f"{plugin.module}.{part}")
read_certificates()
gc.freeze()
