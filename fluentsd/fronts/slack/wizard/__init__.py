"""The wizard: a campaign is made and changed in one modal, page by page, and every page is saved when it is left.

`pages` declares the fields of each page, `view_state` is what a view remembers (ids only), `view` draws a page,
`steps_and_segments` the pages that are lists, `review` the last one. `navigation` carries out submits and clicks,
`pickers` answers selects that search. What must not live here: rules of a campaign (`domain.campaign`), and what a save
does (`verbs.edits`).
"""
