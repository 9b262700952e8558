"""The public addresses of the house: one place that says what they look like, for those who hand them out and for the
web front that serves them.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluentsd.api import Kind

#: What providers and people reach us by; `{kind}` is a channel, `{token}` an attempt's.
CALLBACK, INBOUND, UNSUBSCRIBE = "/hooks/{kind}/{token}", "/hooks/{kind}", "/u/{token}"


@dataclass(frozen=True, slots=True)
class PublicLinks:
    """The addresses of one channel under `base` ("https://calls.example.com", without a slash at the end), or none."""

    kind: Kind
    base: str | None = None

    def callback(self, token: str) -> str | None:
        return self._at(CALLBACK.format(kind=self.kind, token=token))

    def inbound(self) -> str | None:
        return self._at(INBOUND.format(kind=self.kind))

    def unsubscribe(self, token: str) -> str | None:
        return self._at(UNSUBSCRIBE.format(token=token))

    def _at(self, path: str) -> str | None:
        return None if self.base is None else self.base + path
