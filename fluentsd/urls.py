"""The paths of the public URLs, for the links in messages and for the routes of the web front."""

from __future__ import annotations

from dataclasses import dataclass

from fluentsd.api import Kind

#: Paths for providers and people; `{kind}` is a channel, `{token}` an attempt's token, `{name}` an agent provider. The
#: token of a relay is made for one connection.
CALLBACK, INBOUND, UNSUBSCRIBE = "/hooks/{kind}/{token}", "/hooks/{kind}", "/u/{token}"
AGENT_REPORTS, RELAY = "/hooks/agents/{name}", "/relay/{kind}/{token}"
#: A recording; the token is signed and expires.
RECORDING = "/r/{token}"


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


@dataclass(frozen=True, slots=True)
class AgentLinks:
    """The one URL of an agent provider under `base`, or none."""

    name: str
    base: str | None = None

    def callback(self, token: str) -> str | None:
        return None

    def inbound(self) -> str | None:
        return None if self.base is None else self.base + AGENT_REPORTS.format(name=self.name)

    def unsubscribe(self, token: str) -> str | None:
        return None


class NoLinks:
    """The URLs of a source: none."""

    def callback(self, token: str) -> str | None:
        return None

    def inbound(self) -> str | None:
        return None

    def unsubscribe(self, token: str) -> str | None:
        return None


def relay_url(base: str | None, kind: Kind, token: str) -> str | None:
    """The WebSocket URL of one call; wss where the public address is https."""
    return None if base is None else "ws" + base.removeprefix("http") + RELAY.format(kind=kind, token=token)
