"""Sync: campaigns follow segments of CRMs, and what happens is written back.

`loop` decides what one source is asked next, `segment_pages` takes its pages, `reading` and `fields` read them,
`records` stores a page, `changes` decides who joins and leaves. `opt_outs` are read again before a contact; `freshness`
says how old they may be. `pauses` keeps one segment's trouble from the others. `write_back` is the outbox target of one
source.
"""
