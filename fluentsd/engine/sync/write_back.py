"""The write-back of one source: outbox targets that write what happened to the person's record in the CRM.

An attempt is one activity, written with its first outcome; a reply is another; an opt-out sets the CRM's own fields, by
a target of its own, which does not wait behind notes. The analysis of a call is a note, with the values that the
agent's file maps to fields of this CRM. A call that the person made to us is an activity too. The outbox delivers at
least once and in order; the source's `write` keeps the key, so that nothing is there twice. What must not live here:
the words of one CRM (its plugin), SQL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from fluentsd.api import Activity, NeedsHuman, Rejected, Source, Unavailable
from fluentsd.domain.events import AttemptRecorded, CallAnalysed, CallReceived, OptedOut, ReplyReceived
from fluentsd.domain.subscriptions import WRITE_BACK_TOPICS, opt_out_target, write_back_target
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.outbox.targets import Posted
from fluentsd.store import activities

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

#: Seconds until the next try while a person has to see to the source.
PERSON_AGAIN = 600.0
_KINDS: dict[str, Literal["call", "sms", "email"]] = {"phone": "call", "sms": "sms", "email": "email"}
_CONTACTS = {"phone": "calls", "sms": "texts", "email": "e-mails", "*": "contact of any kind"}
_WORDS = {"phone": "Call", "sms": "Text", "email": "E-mail"}


class WriteBack:
    """Writes activities to one source."""

    keeps_delivered = False
    #: Notes of a CRM are not read within the minute, and most events are about people who are not in it.
    gathers = 30 * SECOND

    def __init__(self, runtime: Runtime, name: str, source: Source) -> None:
        self._runtime, self._source_name, self._source = runtime, name, source

    @property
    def name(self) -> str:
        return write_back_target(self._source_name)

    async def deliver(self, event: Posted) -> None:
        """Write the event to each record of the person; what is refused stops no other, and is named at the end. Errors
        are the outbox's; `NeedsHuman` is tried again."""
        store = self._runtime.store
        records = await store.read(activities.records_in, self._source_name, event.payload["contact"])
        if not records:
            return
        if event.topic == CallReceived.topic:
            found = await self._received(event.payload, event.at)
        else:
            activity = await self._activity(event)
            found = [] if activity is None else [activity]
        refused: list[str] = []
        for key, about in found:
            for record in records:
                try:
                    await self._source.write(Activity(record=record, **about), f"{key}:{record}")
                except Rejected as why:
                    refused.append(str(why))
                except (LookupError, TypeError, ValueError, AttributeError) as why:  # a bug of the plugin
                    self._runtime.log.error("sync.error", source=self._source_name, error=repr(why)[:500])
                    refused.append(f"the source {self._source_name} could not write it (sync.error in the log)")
                except NeedsHuman as why:
                    raise Unavailable(str(why), PERSON_AGAIN, only_this=why.only_this) from why
        if refused:
            raise Rejected("; ".join(dict.fromkeys(refused)))

    async def _activity(self, event: Posted) -> tuple[str, dict[str, Any]] | None:
        """The key and the content of the activity; None when there is nothing to write."""
        about = event.payload
        if event.topic == OptedOut.topic:
            return self._opt_out(about, event.at)
        if event.topic not in WRITE_BACK_TOPICS:  # posted by an older fluentsd
            return None
        done = await self._runtime.store.read(activities.of_attempt, about["attempt"])
        if done is None:
            return None
        if event.topic == CallAnalysed.topic:
            return await self._analysis(about, done, event.at)
        common = {"channel": done.channel, "address": done.point, "sender": done.sender, "outcome": about["outcome"]}
        common |= {"kind": _KINDS[done.channel]}
        if event.topic == ReplyReceived.topic:
            text, at = await self._runtime.store.read(activities.words_of, about["attempt"], "reply")
            summary = f"Reply to {done.campaign}, step {done.step}"
            common |= {"direction": "in", "at": at or event.at, "text": text, "summary": summary}
            return f"reply:{about['attempt']}:{about['outcome']}", common
        if event.topic != AttemptRecorded.topic or about["outcome"] == "not_sent":
            return None
        kind = "transcript" if done.channel == "phone" else "body"
        text, _ = await self._runtime.store.read(activities.words_of, about["attempt"], kind)
        came_to = ", ".join(word.replace("_", " ") for word in (about["outcome"], done.disposition) if word)
        summary = f"{_WORDS[done.channel]}: {came_to} ({done.campaign}, step {done.step})"
        words, _ = await self._runtime.store.read(activities.words_of, about["attempt"], "summary")
        if words:
            summary += f": {words}"
        return f"attempt:{about['attempt']}", common | {
            "at": done.claimed_at, "text": text, "summary": summary, "duration_s": done.duration_s,
            "disposition": done.disposition,
        }  # fmt: skip

    def _opt_out(self, about: Mapping[str, Any], at: int) -> tuple[str, dict[str, Any]] | None:
        """The opt-out of a person; None for one that this CRM itself has said."""
        if about["source"] == self._source_name:
            return None
        channel = about["channel"]
        summary = f"Opted out: no {_CONTACTS[channel]}" + (f", said in {about['source']}" if about["source"] else "")
        channels = () if channel == "*" else (channel,)
        key = f"opt-out:{about['contact']}:{channel}:{at}"
        return key, {"kind": "opt_out", "at": at, "summary": summary, "channels": channels}

    async def _received(self, news: Mapping[str, Any], at: int) -> list[tuple[str, dict[str, Any]]]:
        """A call that the person made to us, and the note of its analysis if there is one."""
        store, call_id = self._runtime.store, str(news["call"])
        done = await store.read(activities.of_received_call, call_id)
        if done is None:
            return []
        text, _ = await store.read(activities.words_of, call_id, "transcript")
        words, _ = await store.read(activities.words_of, call_id, "summary")
        came_to = ", ".join(word.replace("_", " ") for word in (done.outcome, done.disposition) if word)
        common = {"channel": "phone", "outcome": done.outcome, "disposition": done.disposition, "direction": "in",
                  "address": done.point, "sender": done.sender}  # fmt: skip
        summary = f"Call from the person: {came_to}" + (f": {words}" if words else "")
        about = {"kind": "call", "at": done.began_at, "text": text, "summary": summary, "duration_s": done.duration_s}
        found: list[tuple[str, dict[str, Any]]] = [(f"call:{call_id}", common | about)]
        kept, _ = await store.read(activities.words_of, call_id, "analysis")
        if news["analysed"] and (note := self._note(words, kept)):
            heading = ", ".join(filter(None, ("Summary of the person's call", done.disposition.replace("_", " "))))
            found.append((f"analysis:{call_id}", common | {"kind": "note", "at": at, "summary": heading} | note))
        return found

    def _note(self, summary: str, kept: str) -> dict[str, Any]:
        """The text and the fields of a note about an analysis; empty without one."""
        found = json.loads(kept) if kept else {"fields": {}, "writes": {}}
        if not summary:
            return {}
        lines = [f"{name.replace('_', ' ')}: {value}" for name, value in found["fields"].items()]
        return {"text": "\n".join([summary, *lines]), "fields": found["writes"].get(self._source_name, {})}

    async def _analysis(
        self, about: Mapping[str, Any], done: activities.AttemptDone, at: int
    ) -> tuple[str, dict[str, Any]] | None:
        """The note about a call: its summary and fields; None when there is no analysis, or it found nothing. What the
        conversation itself came to is in the activity of the call."""
        store, attempt = self._runtime.store, about["attempt"]
        summary, _ = await store.read(activities.words_of, attempt, "summary")
        found, _ = await store.read(activities.words_of, attempt, "analysis")
        note = self._note(summary, found)
        if about["state"] != "done" or not about.get("analysed", True) or not note:
            return None
        came_to = f", {about['disposition'].replace('_', ' ')}" if about["disposition"] else ""
        return f"analysis:{attempt}", {
            "kind": "note", "at": at, "summary": f"Summary of the call{came_to} ({done.campaign}, step {done.step})",
            "channel": done.channel, "outcome": about["outcome"], "disposition": about["disposition"],
        } | note  # fmt: skip


class OptOutWriteBack(WriteBack):
    """Writes opt-outs to one source, at once: its plugin lets them use the whole quota of requests."""

    gathers = 0

    @property
    def name(self) -> str:
        return opt_out_target(self._source_name)


def write_backs(runtime: Runtime, name: str, source: Source) -> list[WriteBack]:
    """The targets that write to one source."""
    return [WriteBack(runtime, name, source), OptOutWriteBack(runtime, name, source)]
