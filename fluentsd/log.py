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

from fluentsd.systemd import with_level, writes_to_journal

# structlog pulls in all of rich where that is installed, only to colour tracebacks: 6 MB that a daemon never uses.
_hidden = "rich" not in sys.modules
if _hidden:
    sys.modules["rich"] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    if _hidden:
        del sys.modules["rich"]

#: A day, perhaps with its time, which is kept; else digits as people write a number.
_NUMBER = re.compile(
    r"(?<!\d)((?:19|20)\d\d-[01]\d-[0-3]\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?)(?![\d-])|\+?\d[\d\s().-]{7,}\d"
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
#: Keys with ids, times and figures, not personal data.
_OURS = frozenset({"timestamp", "level", "attempt", "campaign", "seconds", "at", "version", "socket", "file", "pid"})


def configure(form: Literal["text", "json"], level: str) -> Any:
    """The log of this process. In systemd's journal, which has the time itself, a text line has its level instead."""
    in_journal = writes_to_journal()
    timed = [] if in_journal and form == "text" else [structlog.processors.TimeStamper(fmt="iso", utc=True)]
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        *timed,
        structlog.processors.format_exc_info,
        without_people,
    ]
    if form == "json":
        processors.append(structlog.processors.JSONRenderer())
    else:
        colors = sys.stderr.isatty()
        processors.append(structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, pad_level=not in_journal))
    if in_journal:
        processors.append(lambda _logger, method, line: with_level(method, line))
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
    """Replace texts that look like a phone number or an e-mail address, also inside tables and lists."""
    for key, value in event.items():
        event[key] = _clean(key, value)
    return event


def _clean(key: str, value: Any) -> Any:
    if key in _OURS:
        return value
    if isinstance(value, str):
        return _ADDRESS.sub("<address>", _NUMBER.sub(_without_number, value))
    if isinstance(value, dict):
        return {inner: _clean(str(inner), one) for inner, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(key, one) for one in value]
    return value


def _without_number(found: re.Match[str]) -> str:
    return found[1] or "<number>"
