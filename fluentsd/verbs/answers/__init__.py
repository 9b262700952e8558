"""The answers of verbs: frozen dataclasses, one module per noun.

What must not live here: any import of fluentsd from outside this package, so that a thin shell can read answers.
"""
