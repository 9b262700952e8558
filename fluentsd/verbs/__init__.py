"""Everything a person can do. Each verb is one function: `(house, call, **arguments) -> answer`, plain JSON both ways.

A verb that changes something does it in one transaction with its audit entry; a repeated request id gets the first
answer again. What cannot be done raises `Refused`, whose message says what is and how to go on; nothing was changed.
"""

from __future__ import annotations

from fluentsd.verbs.execute import Call, Refused

__all__ = ["Call", "Refused"]
