"""Connects sources without a change of `fluentsd.toml`: tries the keys by a real read, then seals them.

What must not live here: the files of connections (`config.connections`), questions to a person (`cli`), roles and the
audit log (`verbs`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import trio
from pydantic import ValidationError

from fluentsd.api import Closes, Finding, NeedsHuman, SignIn, Unavailable, in_words
from fluentsd.config import Settings, source_settings
from fluentsd.config.schema import NAME
from fluentsd.configured_plugins import build_source
from fluentsd.engine.runtime import ConnectRefused
from fluentsd.engine.wakeup import EngineClock
from fluentsd.plugins import Plugins
from fluentsd.sealing import CannotUnseal
from fluentsd.validation import explain

if TYPE_CHECKING:
    from fluentsd.configured_plugins import HttpClient

#: Seconds for the check of a connection.
TRIED_WITHIN = 120


class Connecting:
    """Connects and disconnects sources of one installation (`engine.runtime.ConnectsSources`)."""

    def __init__(self, settings: Settings, clock: EngineClock, plugins: Plugins, log: Any, http: HttpClient) -> None:
        self._settings, self._clock, self._plugins, self._log, self._http = settings, clock, plugins, log, http
        self._one = trio.Lock()

    @property
    def offers(self) -> Mapping[str, Sequence[SignIn]]:
        """The source plugins that can be connected, with their ways to sign in."""
        return {name: ways for name, ways in sorted(self._plugins.sign_ins.items()) if ways}

    def plugin_of(self, name: str) -> str:
        """The plugin of a source, "" if it is not known."""
        known = self._settings.sources.get(name)
        return known.plugin if known is not None else ""

    def is_connected(self, name: str) -> bool:
        """Whether a source was connected, and is not a table of the settings."""
        return self._settings.connections.file(name).exists()

    def refuse_name(self, name: str) -> None:
        """Raise `ConnectRefused` for a name that cannot be connected."""
        if not NAME.fullmatch(name):
            raise ConnectRefused(
                f'{name[:60]!r} is not a name; write small letters, digits and hyphens, like "hubspot-eu"'
            )
        if name in self._settings.sources and name not in self._settings.connected:
            raise ConnectRefused(
                f"{name} is a table of {self._settings.path.name}, [source.{name}]; change it there, or remove it first"
            )

    async def connect(self, name: str, plugin: str, keys: Mapping[str, Any]) -> Sequence[Finding]:
        """Check the keys by a read and keep them. The keys of an earlier connection stay where `keys` has none. Answers
        with all findings; raises `ConnectRefused`, and nothing was changed then."""
        async with self._one:
            self.refuse_name(name)
            table = self._table(name, plugin, keys)
            findings = await self._tried(name, table)
            if wrong := [one for one in findings if not one.ok]:
                lines = [f"  {one.what}{f'; {one.fix}' if one.fix else ''}" for one in wrong]
                raise ConnectRefused("\n".join([f"{name} cannot be connected:", *lines]))
            try:
                await trio.to_thread.run_sync(self._settings.connections.save, name, table)
            except CannotUnseal as why:
                raise ConnectRefused(f"the keys cannot be kept: {why}") from None
            except OSError as why:
                raise ConnectRefused(f"{why.filename} cannot be written ({why.strerror})") from None
            return findings

    def disconnect(self, name: str) -> None:
        """Delete a connection with its keys and tokens. Raises `ConnectRefused`."""
        if not NAME.fullmatch(name) or not self.is_connected(name):
            raise ConnectRefused(f"{name[:60]} was not connected by `fluentsd source connect`")
        try:
            self._settings.connections.remove(name)
        except OSError as why:
            raise ConnectRefused(f"{why.filename} cannot be deleted ({why.strerror})") from None

    def _table(self, name: str, plugin: str, keys: Mapping[str, Any]) -> dict[str, Any]:
        if plugin not in self._plugins.sources:
            near = difflib.get_close_matches(plugin, self._plugins.sources, n=2)
            known = " or ".join(near) or ", ".join(sorted(self._plugins.sources)) or "none"
            raise ConnectRefused(
                f"no source plugin is called {plugin[:60]!r}; {'did you mean ' if near else ''}{known}"
            )
        before: Mapping[str, Any] = {}
        if self.is_connected(name):
            before = self._settings.connections.read(name).table
        kept = before if before.get("plugin") == plugin else {}
        alternatives = {key.name for way in self._plugins.sign_ins.get(plugin, ()) for key in way.keys}
        if alternatives & keys.keys():  # one way to sign in replaces another
            kept = {key: value for key, value in kept.items() if key not in alternatives}
        return {**kept, **keys, "plugin": plugin}

    async def _tried(self, name: str, table: Mapping[str, Any]) -> Sequence[Finding]:
        try:
            settings = source_settings(name, table)
        except ValidationError as why:
            raise ConnectRefused("\n".join([f"{name} cannot be connected:", *_indented(explain(None, why))])) from None
        source, mistakes = build_source(self._settings, settings, self._clock, self._plugins, self._log, self._http)
        if source is None:
            raise ConnectRefused("\n".join([f"{name} cannot be connected:", *_indented(mistakes)]))
        try:
            with trio.fail_after(TRIED_WITHIN):
                return await source.check()
        except (NeedsHuman, Unavailable) as why:
            raise ConnectRefused(f"{name} cannot be connected: {why}") from None
        except trio.TooSlowError:
            raise ConnectRefused(f"{name} did not answer within {TRIED_WITHIN} s; try again") from None
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each plugin
            raise ConnectRefused(f"the plugin {settings.plugin!r} failed at its check: {in_words(why)}") from None
        finally:
            if isinstance(source, Closes):
                with trio.CancelScope(shield=True):
                    await source.aclose()


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
