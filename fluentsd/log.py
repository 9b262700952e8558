"""The log: key-values on stderr, as text or JSON. Changes are logged, not conditions.

No personal data: numbers and addresses in a message are removed here, as the last step before writing.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Literal

# structlog pulls in all of rich where that is installed, only to colour tracebacks: 6 MB that a daemon never uses.
_hidden = "rich" not in sys.modules
if _hidden:
    sys.modules["rich"] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    if _hidden:
        del sys.modules["rich"]

_NUMBER = re.compile(r"\+?\d[\d\s().-]{7,}\d")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
#: Keys with ids, times and figures, not personal data.
_OURS = frozenset({"timestamp", "level", "attempt", "campaign", "seconds", "at", "version", "socket", "file", "pid"})


def configure(form: Literal["text", "json"], level: str) -> Any:
    """The log of this process."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_people,
    ]
    if form == "json":
        processors.append(structlog.processors.JSONRenderer())
    else:
        processors.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: _Lines(),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger()


class _Lines:
    """Writes lines to the current stderr. A broken stderr never stops a campaign."""

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = log = msg


def get_logger() -> Any:
    """The configured log."""
    return structlog.get_logger()


def without_people(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace texts that look like a phone number or an e-mail address."""
    for key, value in event.items():
        if isinstance(value, str) and key not in _OURS:
            event[key] = _ADDRESS.sub("<address>", _NUMBER.sub("<number>", value))
    return event
