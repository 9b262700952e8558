"""The tables: what is remembered, and under which key.

Laws. Instants are epoch microseconds (`…_at`), money is micros with a currency. Personal data lives only in contacts,
points, records and `content`; attempts, audit and outbox hold ids, so that an erasure touches four tables.
Rows that wait stand apart from what they wait for (`waiting`), keyed by lane, rank and moment, so that a claim reads
neighbouring pages however many million wait. Each state column is changed only by named transitions whose WHERE
is derived from `domain.state_machines`. The tables are declared in the modules beside this one, by subject.
"""

from __future__ import annotations

from fluentsd.store.tables.audit import audit, meta
from fluentsd.store.tables.calls import after_call, inbound_call
from fluentsd.store.tables.campaigns import (
    agent,
    campaign,
    campaign_edit,
    hold,
    lane,
    launch_approval,
    number,
    number_tag,
    template,
    version,
)
from fluentsd.store.tables.contacts import (
    attestation,
    campaign_segment,
    contact,
    contact_point,
    erased_point,
    inbound_message,
    membership,
    point,
    record,
    record_alias,
    segment,
    source,
    suppression,
)
from fluentsd.store.tables.enrollments import (
    TALKED,
    attempt,
    content,
    counter,
    enrollment,
    outcome_count,
    spend,
    step_count,
    waiting,
)
from fluentsd.store.tables.metadata import Id, metadata
from fluentsd.store.tables.nodes import node
from fluentsd.store.tables.outbox import outbox_delivery, outbox_event
from fluentsd.store.tables.slack import slack_post, slack_subscription

__all__ = [
    "SCHEMA_VERSION",
    "TALKED",
    "Id",
    "after_call",
    "agent",
    "attempt",
    "attestation",
    "audit",
    "campaign",
    "campaign_edit",
    "campaign_segment",
    "contact",
    "contact_point",
    "content",
    "counter",
    "enrollment",
    "erased_point",
    "hold",
    "inbound_call",
    "inbound_message",
    "lane",
    "launch_approval",
    "membership",
    "meta",
    "metadata",
    "node",
    "number",
    "number_tag",
    "outbox_delivery",
    "outbox_event",
    "outcome_count",
    "point",
    "record",
    "record_alias",
    "segment",
    "slack_post",
    "slack_subscription",
    "source",
    "spend",
    "step_count",
    "suppression",
    "template",
    "version",
    "waiting",
]

#: Raised by one with every migration; a newer one in the file is refused at start.
SCHEMA_VERSION = 18
