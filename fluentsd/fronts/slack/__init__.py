"""The Slack front: campaigns by command, button and card.

`transport` holds the Socket Mode connections; `listener` hands each envelope to Slack's own library and the result to
`router`; `command_table` has the commands, `grammar` reads them, `mistyped` answers what is none; `people` knows roles;
`commands` and `clicks` run verbs; `blocks/` words the answers; `cards` is the target of the outbox that keeps the
campaigns' cards, `conversations` keeps those of replies and hot leads, `routes` says which channels show what; `files`
sends a file to one person; `web_api` calls Slack at its pace. Nothing here is imported unless `[slack]` is configured,
and no failure here reaches the daemon.
"""
