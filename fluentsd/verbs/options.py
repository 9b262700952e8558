"""The words between which a person may choose, in parameters of several verbs.

What must not live here: any import that is slow, because every command of the shell reads this.
"""

from __future__ import annotations

#: Every outcome of an attempt: `fluentsd.api.Outcome`, which takes long to import.
OUTCOMES = (
    "answered", "voicemail", "no_answer", "busy", "failed", "sent", "delivered", "bounced", "replied",
    "opted_out", "agent_error", "unknown", "not_sent",
)  # fmt: skip

#: What a conversation may come to: `fluentsd.api.Disposition`.
DISPOSITIONS = ("interested", "not_interested", "callback", "wrong_number", "transferred", "angry")

#: States of a person in a campaign: `fluentsd.domain.state_machines.EnrollmentState`.
STATES = ("queued", "active", "completed", "exited", "errored")

#: What a channel of Slack may show: changes of campaigns with their cards, alerts, replies of people, hot leads.
SHOWN = ("changes", "alerts", "replies", "leads")
