"""The paths of the public URLs, for the links in messages and for the routes of the web front."""

from __future__ import annotations

from dataclasses import dataclass

from fluentsd.api import Kind

#: Paths for providers and people; `{kind}` is a channel, `{token}` an attempt's token.
CALLBACK, INBOUND, UNSUBSCRIBE = "/hooks/{kind}/{token}", "/hooks/{kind}", "/u/{token}"


@dataclass(frozen=True, slots=True)
class PublicLinks:
    """The URLs of one channel under `base` ("https://calls.example.com", without a slash at the end), or none."""

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
