"""The Slack front: campaigns by command, button and card.

`transport` holds the Socket Mode connections; `listener` hands each envelope to Slack's own library and the result to
`router`; `grammar` reads commands; `people` knows roles; `commands` and `actions` run verbs; `blocks/` words the
answers; `cards` is the target of the outbox that keeps the campaigns' cards, `conversations` keeps those of replies and
hot leads, `routes` says which channels show what; `web_api` calls Slack at its pace. Nothing here is imported unless
`[slack]` is configured, and no failure here reaches the daemon.
"""
