"""Forms: fields of a file as inputs of a modal. A field's path in the file is the id of its block, so a mistake of the
file is shown beside the input that made it.

`paths` reads and writes a file by path, `kinds` are the inputs, `texts` those whose text stands for several values,
`conditions` those that pick a condition; `problems` places mistakes. What must not live here:
which fields there are (`wizard.pages`), and verbs.
"""
