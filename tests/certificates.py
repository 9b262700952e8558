"""The certificates that clients trust, read once in a process of tests.

httpx reads the file of certificates for each client, 40 ms of processor time, which is more than most tests take that
open one. So clients without a wish of their own share one context. The daemon opens one client, and needs none of this.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

from httpx._transports import default

_create = default.create_ssl_context


@cache
def _shared() -> ssl.SSLContext:
    return _create()


def _context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    from_environment = trust_env and ("SSL_CERT_FILE" in os.environ or "SSL_CERT_DIR" in os.environ)
    if verify is True and cert is None and not from_environment:
        return _shared()
    return _create(verify=verify, cert=cert, trust_env=trust_env)


def share_certificates() -> None:
    """From now on, in this process and in those that are forked from it."""
    default.create_ssl_context = _context


def read_certificates() -> None:
    """Share them, and read them now: for those that are forked later."""
    share_certificates()
    _shared()
