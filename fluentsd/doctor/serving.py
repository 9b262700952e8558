"""The doctor's checks of the daemon, its web address and its channels, each with a time-out of its own.

What must not live here: any send. The daemon is queried through its socket. A channel is built as the daemon builds it,
runs its own check, and leaves no files behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import structlog
import trio

from fluentsd.api import Channel, Finding, Forged, Kind, Request
from fluentsd.bootstrap import Http, build_channels
from fluentsd.config import Settings
from fluentsd.engine.runtime import EngineClock
from fluentsd.fronts import control
from fluentsd.plugins import Plugins
from fluentsd.validation import Problems


async def daemon(settings: Settings, patience: float) -> list[Finding]:
    """Whether a daemon runs, and whether its public address works."""
    return [await _daemon(settings, patience), *await web(settings, patience)]


async def _daemon(settings: Settings, patience: float) -> Finding:
    try:
        with trio.fail_after(patience):
            async with control.connect(settings.socket) as client:
                figures = await client.ask("state")
        return Finding(True, f"daemon: running, {sum(figures['in_flight'].values())} attempts in flight")
    except control.NoDaemon:
        return _without_socket(settings)
    except control.ControlProblem as why:
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
        return Finding(True, f"{what} could not be checked: unreachable from this machine ({type(why).__name__})")
    except (ValueError, KeyError, TypeError):
        fix = "have the proxy forward /hooks, /u and /healthz to [http] listen, or correct public_url"
        return Finding(False, f"{what} answered {answer.status_code}, but not as fluentsd does", fix)
    unhealthy = sorted(name for name, part in parts.items() if not part["ok"])
    return Finding(True, f"{what} reaches a fluentsd" + (f"; unhealthy: {', '.join(unhealthy)}" if unhealthy else ""))


async def channels(settings: Settings, clock: EngineClock, plugins: Plugins, patience: float) -> list[Finding]:
    """The installed plugins, and the findings of each configured channel."""
    findings = [Finding(False, f"plugins: {why}", "reinstall it, or remove it") for why in plugins.broken.values()]
    offered = ", ".join(f"{name} (from {plugins.origin[name]})" for name in sorted(plugins.channels))
    findings.append(Finding(bool(offered), f"plugins: {offered or 'none found'}", "" if offered else _INSTALL))
    if not settings.channels:
        findings.append(Finding(False, "channels: none is configured, so no one can be contacted", _CONFIGURE))
    answers: dict[Kind, list[Finding]] = {}

    async def ask(kind: Kind) -> None:
        answers[kind] = await _channel(settings, kind, clock, plugins, patience, http)

    with _new_folders_removed(settings):
        async with Http() as http, trio.open_nursery() as nursery:
            for kind in settings.channels:
                nursery.start_soon(ask, kind)
    return findings + [finding for kind in settings.channels for finding in answers[kind]]


_INSTALL = "install one, e.g. fluentsd-channel-sandbox, into the environment of fluentsd"
_CONFIGURE = 'add one, such as [channel.email] with plugin = "email"; `fluentsd init` writes an example'


async def _channel(
    settings: Settings, kind: Kind, clock: EngineClock, plugins: Plugins, patience: float, http: Http
) -> list[Finding]:
    only = replace(settings, channels={kind: settings.channels[kind]})
    log = structlog.wrap_logger(structlog.ReturnLogger())
    try:
        channel_state = build_channels(only, clock, plugins, log=log, http=http)[kind]
        with trio.fail_after(patience):
            found = await channel_state.channel.check()
        named = [replace(finding, what=_named(kind, finding.what)) for finding in found]
        return named + _without_webhooks(settings, kind, channel_state.channel, named)
    except Problems as why:
        return [Finding(False, line, f"correct {settings.path}") for line in why.lines]
    except trio.TooSlowError:
        return [
            Finding(
                False, f"{kind}: no answer within {patience:g} s", "check whether its provider is reachable from here"
            )
        ]
    except Exception as why:  # noqa: BLE001 - the guard at the edge of each plugin's own check
        plugin = settings.channels[kind].plugin
        return [
            Finding(
                False, f"{kind}: the plugin {plugin!r} failed: {type(why).__name__}: {why}", "see the plugin's guide"
            )
        ]


def _without_webhooks(settings: Settings, kind: Kind, channel: Channel, found: list[Finding]) -> list[Finding]:
    """A finding for a channel that needs webhooks where none can arrive. An unsigned request shows whether it needs
    them: a channel without webhooks returns nothing for it, a channel with webhooks refuses it."""
    if settings.http is not None and settings.http.public_url is not None:
        return []
    if any(not finding.ok and "public_url" in finding.fix for finding in found):
        return []  # the channel's own check reports it
    try:
        channel.parse_webhook(Request("POST", f"http://localhost/hooks/{kind}", {}, b""))
    except (Forged, ValueError):
        what = f"{kind}: its provider reports by webhook; without a public address outcomes and replies cannot arrive"
        return [Finding(False, what, "set [http] public_url, and forward that address to [http] listen")]
    return []


def _named(kind: Kind, what: str) -> str:
    """A channel's finding, with the channel's name in front if it is missing."""
    return what if kind in what else f"{kind}: {what}"


@contextmanager
def _new_folders_removed(settings: Settings) -> Iterator[None]:
    """Remove the plugin folders that building the channels created, if they are empty."""
    wanted = [settings.folder / table.plugin for table in settings.channels.values()]
    new = {place for folder in wanted for place in (folder, *folder.parents) if not place.exists()}
    yield
    for place in sorted(new, key=lambda place: -len(place.parts)):
        try:
            place.rmdir()
        except OSError:  # the plugin has written a file there
            continue
