"""The plugin API.

A plugin imports this package (and its own SDK) and nothing else of fluentsd; the engine imports no plugin. What lives
here: the values exchanged with plugins, the protocols and tools of plugins, and the errors by which a plugin decides
the next action of the engine. Here are also the parts that plugins share, which work with a plugin's own tools. What
must not: the engine, or tables.

One rule prevents duplicate contacts: `Unavailable` and `Rejected` raised from `Channel.send` assert that the provider
accepted *nothing*. Any other end of a send (another exception, a timeout, a cancellation) leaves the attempt open, and
the engine calls `Channel.lookup` to find out what happened.
"""

from __future__ import annotations

import pluggy

from fluentsd.api.abilities import (
    AnalysesCalls,
    AnswersPickups,
    BeginsAttempts,
    CallSocket,
    Closes,
    DatesMessages,
    FetchesRecordings,
    Forgets,
    LimitsConcurrency,
    ListsAttempts,
    ListsNumbers,
    Previews,
    Prices,
    ReceivesWebhooks,
    Rehearses,
    RunsAgents,
    ServesCalls,
    SpacesSends,
    Typist,
)
from fluentsd.api.activity_text import (
    ACTIVITY_TITLES,
    activity_facts,
    activity_heading,
    written_id,
    written_mark,
)
from fluentsd.api.agent import Agent, AgentProvider, Conversation
from fluentsd.api.agent_settings import AgentSettings, Disposition, Endpointing, Interruption, Skill, WebhookSkill
from fluentsd.api.analysis import AnalysisRequest
from fluentsd.api.channel import Channel, Clock, Links, Secrets, Tools
from fluentsd.api.cursors import read_cursor, write_cursor
from fluentsd.api.error_words import in_words, trouble
from fluentsd.api.errors import Forged, InDoubt, Malformed, NeedsHuman, PluginError, Rejected, SocketClosed, Unavailable
from fluentsd.api.json_schema import check_json, read_json
from fluentsd.api.oauth import OAuthApp, OAuthTokens
from fluentsd.api.opt_out_rules import OptOutRule, read_opt_out_rules, says_yes
from fluentsd.api.outcome import Fault, Outcome
from fluentsd.api.registration import Register, RegisterAgentProvider, RegisterSource, SignIn, SignInKey
from fluentsd.api.request_budget import RequestBudget, next_utc_midnight, retry_after
from fluentsd.api.rest import Invalid, NotFound, RestClient, RestReply, call_name, server_time
from fluentsd.api.shapes import (
    ANY,
    COUNT,
    FLAG,
    ID,
    NUMBER_ID,
    TEXT,
    TEXT_OR_NULL,
    Maybe,
    Shape,
    count_of,
    malformed,
    mismatch,
)
from fluentsd.api.source import (
    Activity,
    CountsRequests,
    Meaning,
    Page,
    Record,
    Segment,
    SegmentKind,
    SegmentList,
    Source,
    SourceField,
    SourceLimits,
    Usage,
)
from fluentsd.api.values import (
    Absent,
    Attempt,
    Call,
    Cancelled,
    CannotTell,
    Finding,
    Found,
    Inbound,
    Kind,
    Lookup,
    Made,
    Message,
    Owned,
    Pickup,
    PickupVerdict,
    Price,
    Receipt,
    Reply,
    Request,
    WebhookResult,
)
from fluentsd.api.vendor_text import without_personal_data
from fluentsd.api.write_ledger import Part, WriteLedger
from fluentsd.plugin_config import ConfigProblem, Table, a_rate

__all__ = [
    "ACTIVITY_TITLES",
    "ANY",
    "API_VERSION",
    "COUNT",
    "FLAG",
    "ID",
    "NUMBER_ID",
    "TEXT",
    "TEXT_OR_NULL",
    "Absent",
    "Activity",
    "Agent",
    "AgentProvider",
    "AgentSettings",
    "AnalysesCalls",
    "AnalysisRequest",
    "AnswersPickups",
    "Attempt",
    "BeginsAttempts",
    "Call",
    "CallSocket",
    "Cancelled",
    "CannotTell",
    "Channel",
    "Clock",
    "Closes",
    "ConfigProblem",
    "Conversation",
    "CountsRequests",
    "DatesMessages",
    "Disposition",
    "Endpointing",
    "Fault",
    "FetchesRecordings",
    "Finding",
    "Forged",
    "Forgets",
    "Found",
    "InDoubt",
    "Inbound",
    "Interruption",
    "Invalid",
    "Kind",
    "LimitsConcurrency",
    "Links",
    "ListsAttempts",
    "ListsNumbers",
    "Lookup",
    "Made",
    "Malformed",
    "Maybe",
    "Meaning",
    "Message",
    "NeedsHuman",
    "NotFound",
    "OAuthApp",
    "OAuthTokens",
    "OptOutRule",
    "Outcome",
    "Owned",
    "Page",
    "Part",
    "Pickup",
    "PickupVerdict",
    "PluginError",
    "Previews",
    "Price",
    "Prices",
    "Receipt",
    "ReceivesWebhooks",
    "Record",
    "Register",
    "RegisterAgentProvider",
    "RegisterSource",
    "Rehearses",
    "Rejected",
    "Reply",
    "Request",
    "RequestBudget",
    "RestClient",
    "RestReply",
    "RunsAgents",
    "Secrets",
    "Segment",
    "SegmentKind",
    "SegmentList",
    "ServesCalls",
    "Shape",
    "SignIn",
    "SignInKey",
    "Skill",
    "SocketClosed",
    "Source",
    "SourceField",
    "SourceLimits",
    "SpacesSends",
    "Table",
    "Tools",
    "Typist",
    "Unavailable",
    "Usage",
    "WebhookResult",
    "WebhookSkill",
    "WriteLedger",
    "a_rate",
    "activity_facts",
    "activity_heading",
    "asks_to_stop",
    "call_name",
    "check_json",
    "count_of",
    "hookimpl",
    "in_words",
    "is_reaction",
    "malformed",
    "mismatch",
    "next_utc_midnight",
    "read_cursor",
    "read_json",
    "read_opt_out_rules",
    "retry_after",
    "says_yes",
    "server_time",
    "trouble",
    "without_personal_data",
    "write_cursor",
    "written_id",
    "written_mark",
]

#: The version of this API. A plugin declares the one it was written for: `FLUENTSD_API = 1` in its module.
API_VERSION = 1
#: Marks a plugin's hook implementations: `@hookimpl`.
hookimpl = pluggy.HookimplMarker("fluentsd")


def asks_to_stop(text: str) -> bool:
    """Whether a person's text is an opt-out; one detection for SMS, e-mail and calls."""
    from fluentsd.optout import asks_to_stop as read  # only here: a plugin without replies does not load it

    return read(text)


def is_reaction(text: str) -> bool:
    """Whether a text is a phone's report of a tapped reaction to a message of ours (`Liked “…”`), which is neither a
    reply nor an opt-out."""
    from fluentsd.optout.quoted import is_reaction as read

    return read(text)
