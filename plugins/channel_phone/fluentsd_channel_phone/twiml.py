"""TwiML: what Twilio is told to do with a call. Every value is escaped; characters that XML forbids are left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from fluentsd.api import AgentSettings, Endpointing, Interruption

CONTENT_TYPE = "text/xml"
HANG_UP = "<Response><Hangup/></Response>"
#: Milliseconds of silence that end a turn; "auto" leaves it to Twilio.
_SPEECH_TIMEOUT: Mapping[Endpointing, str] = {"relaxed": "1500", "auto": "auto", "quick": "600"}
_INTERRUPTIBLE: Mapping[Interruption, str] = {"none": "none", "low": "any", "medium": "any", "high": "any"}
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def converse(agent: AgentSettings, relay_url: str, action: str, recording: str = "") -> str:
    """Connect the call to our WebSocket; `action` is asked when that has ended, also after it broke. `recording` is
    where Twilio reports a recording, "" records nothing."""
    attributes = {
        "url": relay_url,
        "language": agent.language,
        **({"voice": agent.voice} if agent.voice else {}),
        "interruptible": _INTERRUPTIBLE[agent.interruption],
        **({"interruptSensitivity": agent.interruption} if agent.interruption != "none" else {}),
        "reportInputDuringAgentSpeech": "any",  # an opt-out said over the agent must be heard
        "ignoreBackchannel": "true",
        "dtmfDetection": "true",
        "speechTimeout": _SPEECH_TIMEOUT[agent.endpointing],
        "events": "speaker-events",
    }
    start = ""
    if recording:
        events = _attributes({"recordingStatusCallback": recording, "recordingStatusCallbackEvent": "completed"})
        start = f"<Start><Recording{events}/></Start>"
    relay = f"<ConversationRelay{_attributes(attributes)}/>"
    return f"<Response>{start}<Connect{_attributes({'action': action})}>{relay}</Connect></Response>"


def transfer(number: str, caller_id: str, action: str) -> str:
    """Connect the person with a colleague; `action` is asked how that ended."""
    options = {"action": action, "timeout": "30", **({"callerId": caller_id} if caller_id else {})}
    return f"<Response><Dial{_attributes(options)}><Number>{_clean(escape(number))}</Number></Dial></Response>"


def announce(text: str, action: str) -> str:
    """Say a sentence, and ask `action` about a key that is pressed meanwhile or within some seconds."""
    options = _attributes({"numDigits": "1", "timeout": "6", "action": action})
    return f"<Response><Gather{options}><Say>{_clean(escape(text))}</Say></Gather><Hangup/></Response>"


def say_and_hang_up(text: str, language: str = "") -> str:
    """Say one sentence, and end the call."""
    spoken = _attributes({"language": language}) if language else ""
    return f"<Response><Say{spoken}>{_clean(escape(text))}</Say><Hangup/></Response>"


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f" {name}={_clean(quoteattr(value))}" for name, value in values.items())


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("", text)
