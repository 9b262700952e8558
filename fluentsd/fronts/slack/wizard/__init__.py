"""The wizard: a campaign is made and changed in one modal, page by page, and every page is saved when it is left.

`pages` declares the fields of each page, `entries` reads and changes the lists of a file (steps, segments, waivers),
`consent` has the fields of an attestation. `view` draws a page, `review` the last one; `view_state` is what a view
remembers (ids only). `opening` opens forms, `navigation` carries out submits and clicks, `pickers` answers selects that
search. What must not live here: rules of a campaign (`domain.campaign`), and what a save
does (`verbs.edits`).
"""
