"""What the process that forks others does before: it finds the plugins, reads the certificates, and leaves what it has
to no garbage collector. Nothing else imports this."""

from __future__ import annotations

import gc

from fluentsd.plugins import discover
from tests.certificates import read_certificates

discover()
read_certificates()
gc.freeze()
