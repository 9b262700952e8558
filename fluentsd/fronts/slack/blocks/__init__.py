"""The words of the Slack front as Block Kit: each module makes messages of one kind from answers of verbs.

`layout` makes blocks within Slack's limits, `wording` makes texts safe. What must not live here: calls, and decisions.
"""
