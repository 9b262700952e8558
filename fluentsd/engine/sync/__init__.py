"""Sync: campaigns follow segments of CRMs, and what happens is written back.

`loop` asks one source for pages, `fields` reads its records, `records` stores a page, `changes` decides who joins and
leaves. `pauses` keeps one segment's trouble from the others. `freshness` re-reads opt-outs before a contact;
`write_back` is the outbox target of one source.
"""
