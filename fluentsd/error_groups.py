"""The one error inside the groups that Trio's nurseries wrap it in. Ground: it imports nothing of ours."""

from __future__ import annotations


def sole_cause(error: BaseException) -> BaseException:
    """The one error inside nested groups; the innermost group when it has several."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
