"""Verbs: every action a person can take. Each is one function, `(runtime, call, **arguments) -> answer`, in plain JSON.

A verb that changes something does so in one transaction with its audit entry; a repeated request id gets the stored
answer. A verb that is not possible raises `Refused`, whose message has the cause and the fix; nothing was changed.
"""

from __future__ import annotations

from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused, RoleRefused

__all__ = ["Call", "Refused", "RoleRefused", "Suggestion"]
