"""Hot leads: conversations after which a person of ours has to act soon. Pure."""

from __future__ import annotations

from fluentsd.api import Disposition

#: What a conversation of a hot lead came to.
HOT = (Disposition.interested, Disposition.callback, Disposition.angry)


def lead_of(disposition: str | None) -> str | None:
    """The disposition, if it makes the call a hot lead; else None."""
    return str(disposition) if disposition in HOT else None
