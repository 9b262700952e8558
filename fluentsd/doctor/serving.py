"""The doctor's checks of the daemon, its web address and its configured plugins, each with a time-out of its own.

What must not live here: any send. The daemon is queried through its socket. A part is built as the daemon builds it,
runs its own check, and leaves no files behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx
import structlog
import trio

from fluentsd.api import AgentProvider, Channel, Finding, Forged, Kind, Request, Source, in_words, trouble
from fluentsd.bootstrap import Http
from fluentsd.config import Settings
from fluentsd.configured_plugins import ConfiguredPlugins, build_plugins
from fluentsd.domain.agents import Agent
from fluentsd.domain.analysis import unwritable, written_to
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.wakeup import EngineClock
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.protocol import ControlProblem, NoDaemon
from fluentsd.plugins import Plugins
from fluentsd.validation import Problems


async def daemon(settings: Settings, patience: float) -> list[Finding]:
    """Whether a daemon runs, and whether its public address works."""
    return [await _daemon(settings, patience), *await web(settings, patience)]


async def _daemon(settings: Settings, patience: float) -> Finding:
    try:
        with trio.fail_after(patience):
            async with connect(settings.socket) as client:
                figures = await client.ask("state")
        return Finding(True, f"daemon: running, {sum(figures['in_flight'].values())} attempts in flight")
    except NoDaemon:
        return _without_socket(settings)
    except ControlProblem as why:
        return Finding(False, f"daemon: {why}", "see above")
    except trio.TooSlowError:
        return Finding(False, f"daemon: no answer within {patience:g} s", "read its log, then restart it")


def _without_socket(settings: Settings) -> Finding:
    """No daemon answers at the socket; the kernel's list of locks shows a process that uses the database anyway."""
    idle = Finding(True, "daemon: not running")
    file = settings.database_file
    try:
        inode = os.stat(f"{file}.lock").st_ino
        held = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "FLOCK" in line]
    except OSError:  # no lock was ever taken, or this is not Linux
        return idle
    pid = next((words[4] for words in held if words[5].rpartition(":")[2] == str(inode)), None)
    if pid is None:
        return idle
    what = f"daemon: process {pid} uses {file} but does not answer at {settings.socket}"
    return Finding(False, what, "wait if it is a command; else check [daemon] socket, or stop it")


async def web(settings: Settings, patience: float) -> list[Finding]:
    """The address of the web front, and whether its public address reaches it."""
    http = settings.http
    if http is None:
        return []
    listens = Finding(True, f"http: listens on {http.host}:{http.port}")
    if http.public_url is None:
        return [listens]
    return [listens, await _reached(http.public_url, min(patience, REACH_PATIENCE))]


#: Seconds until the request to the public address times out.
REACH_PATIENCE = 4.0


async def _reached(public_url: str, patience: float) -> Finding:
    """Whether the public address reaches a fluentsd; a machine without outside access cannot tell."""
    what, where = f"http: {public_url}", f"{public_url}/healthz"
    try:
        async with Http() as http:
            with trio.fail_after(patience):
                answer = await http().get(where)
                parts = answer.json()["parts"]
    except trio.TooSlowError:
        return Finding(True, f"{what} could not be checked: no answer within {patience:g} s")
    except httpx.TransportError as why:
        return Finding(True, f"{what} could not be checked: unreachable from this machine ({trouble(why)})")
    except (ValueError, KeyError, TypeError):
        fix = "have the proxy forward /hooks, /relay, /u and /healthz to [http] listen, or correct public_url"
        return Finding(False, f"{what} answered {answer.status_code}, but not as fluentsd does", fix)
    unhealthy = sorted(name for name, part in parts.items() if not part["ok"])
    return Finding(True, f"{what} reaches a fluentsd" + (f"; unhealthy: {', '.join(unhealthy)}" if unhealthy else ""))


async def channels(
    settings: Settings, clock: EngineClock, plugins: Plugins, patience: float, agents: Sequence[Agent] = ()
) -> list[Finding]:
    """The installed plugins, and the findings of each configured channel, source and agent provider; of a source also
    what the analyses of these agents could not write to it."""
    findings = [Finding(False, f"plugins: {why}", "reinstall it, or remove it") for why in plugins.broken.values()]
    offered = ", ".join(f"{name} (from {plugins.origin[name]})" for name in sorted(plugins.channels))
    findings.append(Finding(bool(offered), f"plugins: {offered or 'none found'}", "" if offered else _INSTALL))
    if not settings.channels:
        findings.append(Finding(False, "channels: none is configured, so no one can be contacted", _CONFIGURE))
    checked = _checked(settings)
    answers: dict[str, list[Finding]] = {}

    async def ask(one: _Checked) -> None:
        answers[one.label] = await _ask(one, clock, plugins, patience, http, agents)

    with _new_folders_removed(settings):
        async with Http() as http, trio.open_nursery() as nursery:
            for one in checked:
                nursery.start_soon(ask, one)
    return findings + [finding for one in checked for finding in answers[one.label]]


_INSTALL = "install one, e.g. fluentsd-channel-sandbox, into the environment of fluentsd"
_CONFIGURE = 'add one, such as [channel.email] with plugin = "email"; `fluentsd init` writes an example'


@dataclass(frozen=True, slots=True)
class _Checked:
    """One channel, source or agent provider: its label in findings, its plugin, settings with nothing else in them, and
    how to pick it out of the configured plugins."""

    label: str
    plugin: str
    settings: Settings
    pick: Callable[[ConfiguredPlugins], Channel | Source | AgentProvider]
    kind: Kind | None = None


def _checked(settings: Settings) -> list[_Checked]:
    found = []
    for kind, table in settings.channels.items():
        only = replace(settings, channels={kind: table}, sources={})
        found.append(_Checked(kind, table.plugin, only, partial(_channel_of, kind=kind), kind))
    for name, one in settings.sources.items():
        only = replace(settings, channels={}, sources={name: one}, agent_providers={})
        found.append(_Checked(f"source {name}", one.plugin, only, partial(_source_of, name=name)))
    for name, one in settings.agent_providers.items():
        only = replace(settings, channels={}, sources={}, agent_providers={name: one})
        found.append(_Checked(f"agents {name}", one.plugin, only, partial(_provider_of, name=name)))
    return found


def _channel_of(configured: ConfiguredPlugins, kind: Kind) -> Channel:
    return configured.channels[kind].channel


def _source_of(configured: ConfiguredPlugins, name: str) -> Source:
    return configured.sources[name]


def _provider_of(configured: ConfiguredPlugins, name: str) -> AgentProvider:
    return configured.agent_providers[name]


async def _ask(
    one: _Checked, clock: EngineClock, plugins: Plugins, patience: float, http: Http, agents: Sequence[Agent]
) -> list[Finding]:
    log = structlog.wrap_logger(structlog.ReturnLogger())
    try:
        configured = build_plugins(one.settings, clock, plugins, log=log, http=http)
        with trio.fail_after(patience):
            found = list(await one.pick(configured).check())
            if all(finding.ok for finding in found):
                for name, source in configured.sources.items():
                    found += await _lost_fields(name, source, agents)
        named = [replace(finding, what=_named(one.label, finding.what)) for finding in found]
        if one.kind is None:
            return named
        return named + _without_webhooks(one.settings, one.kind, configured.channels[one.kind], named)
    except Problems as why:
        return [Finding(False, line, f"correct {one.settings.path}") for line in why.lines]
    except trio.TooSlowError:
        what = f"{one.label}: no answer within {patience:g} s"
        return [Finding(False, what, "check whether its provider is reachable from here")]
    except Exception as why:  # noqa: BLE001 - the guard at the edge of each plugin's own check
        what = f"{one.label}: the plugin {one.plugin!r} failed: {in_words(why)}"
        return [Finding(False, what, "see the plugin's guide")]


async def _lost_fields(name: str, source: Source, agents: Sequence[Agent]) -> list[Finding]:
    """The fields of a source that an agent's analysis names and nobody can write. Asked only if one is named."""
    wanted = {one.name: written_to(one.analysis).get(name, {}) for one in agents}
    if not any(wanted.values()):
        return []
    catalogue = await source.catalogue()
    return [
        Finding(False, f"source {name}: {words}", f"correct write_to of {agent}: fluentsd agents apply FILE")
        for agent, targets in wanted.items()
        for words in unwritable(targets, name, catalogue)
    ]


def _without_webhooks(
    settings: Settings, kind: Kind, channel_state: ChannelState, found: list[Finding]
) -> list[Finding]:
    """A finding for a channel that needs webhooks where none can arrive. An unsigned request shows whether it needs
    them: a channel that is configured for webhooks refuses it."""
    if settings.http is not None and settings.http.public_url is not None:
        return []
    if any(not finding.ok and "public_url" in finding.fix for finding in found):
        return []  # the channel's own check reports it
    if channel_state.abilities.webhooks is None:
        return []
    try:
        channel_state.abilities.webhooks.webhook(Request("POST", f"http://localhost/hooks/{kind}", {}, b""))
    except (Forged, ValueError):
        what = f"{kind}: its provider reports by webhook; without a public address outcomes and replies cannot arrive"
        return [Finding(False, what, "set [http] public_url, and forward that address to [http] listen")]
    return []


def _named(label: str, what: str) -> str:
    """A plugin's finding, with the name of its table in front if it is missing."""
    return what if label in what else f"{label}: {what}"


@contextmanager
def _new_folders_removed(settings: Settings) -> Iterator[None]:
    """Remove the plugin folders that building the channels created, if they are empty."""
    wanted = [settings.folder / table.plugin for table in settings.channels.values()]
    wanted += [settings.folder / "sources" / name for name in settings.sources]
    wanted += [settings.folder / "agents" / name for name in settings.agent_providers]
    new = {place for folder in wanted for place in (folder, *folder.parents) if not place.exists()}
    yield
    for place in sorted(new, key=lambda place: -len(place.parts)):
        try:
            place.rmdir()
        except OSError:  # the plugin has written a file there
            continue
