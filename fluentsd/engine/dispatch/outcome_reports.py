"""An outcome report: one piece of news about an attempt, as all who learn an outcome hand it over.

What a report changes is decided in `outcomes`. What must not live here: SQL, and any decision about a person.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fluentsd.api import Fault, Outcome
from fluentsd.domain.time.durations import SECOND
from fluentsd.store.inbound_ids import Once
from fluentsd.text import LINE_AT_MOST, MESSAGE_AT_MOST, TRANSCRIPT_AT_MOST, clean

#: How far ahead a callback can be promised.
PROMISED_WITHIN = 60 * 86_400 * SECOND
#: The texts of a report, and how long each may be.
_LENGTHS = (("reason", LINE_AT_MOST), ("ref", LINE_AT_MOST), ("message_ref", LINE_AT_MOST), ("recording", LINE_AT_MOST),
            ("text", MESSAGE_AT_MOST), ("summary", MESSAGE_AT_MOST), ("transcript", TRANSCRIPT_AT_MOST))  # fmt: skip


class OutcomeReport(NamedTuple):
    """One piece of news about one attempt. `outcome` None: no outcome yet, the attempt stays open and is looked up at
    `ask_at`; a `ref` then says that the provider accepted it. `at`: the time of the news. `retry_at`, for `not_sent`:
    the earliest time of the next try."""

    attempt_id: str
    at: int
    outcome: Outcome | None = None
    reason: str = ""
    ref: str | None = None
    ask_at: int | None = None
    retry_at: int | None = None
    cost_micros: int | None = None
    currency: str = "USD"
    duration_s: int | None = None
    dead: bool = False
    fault: Fault = "person"
    text: str = ""
    transcript: str = ""
    recording: str = ""
    message_ref: str | None = None
    disposition: str | None = None  #: what a conversation came to
    summary: str = ""
    callback_at: int | None = None  #: the time that the person asked for
    away_until_at: int | None = None  #: the return date in an automatic reply, see `Inbound`
    ref_is_proof: bool = False  #: nothing but `ref` shows that the report is about this attempt
    said_at: int | None = None  #: when the person said it, by the provider's clock if it is known
    once: Once | None = None  #: the inbound message; its repetition has no effect


def cleaned(report: OutcomeReport) -> OutcomeReport:
    """The report with every text storable: one that no database stores would fail all that are written with it."""
    texts = (report.reason, report.ref, report.message_ref, report.recording, report.text, report.summary,
             report.transcript)  # fmt: skip
    changed: dict[str, Any] = {
        name: clean(text, most)
        for text, (name, most) in zip(texts, _LENGTHS, strict=True)
        if text and (len(text) > most or not text.isprintable())
    }
    return report._replace(**changed) if changed else report


def promised_at(report: OutcomeReport) -> int | None:
    """The time of a callback that can be kept; one that has passed or lies too far ahead is none."""
    at = report.callback_at
    return at if at is not None and report.at < at <= report.at + PROMISED_WITHIN else None
