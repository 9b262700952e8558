"""What the doctor asks of the daemon and its channels.

Here lives whatever answers from elsewhere, each with a patience of its own. What must not live here: the sending of
anything. The daemon is asked through its socket; a channel is built as the daemon builds it, asked for its own check,
and leaves nothing behind.
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
    """Whether a daemon serves this installation, and where the world finds it."""
    return [await _daemon(settings, patience), *await web(settings, patience)]


async def _daemon(settings: Settings, patience: float) -> Finding:
    try:
        with trio.fail_after(patience):
            async with control.connect(settings.socket) as client:
                figures = await client.ask("state")
        return Finding(True, f"daemon: runs, {sum(figures['in_flight'].values())} attempts in flight")
    except control.NoDaemon:
        return _unseen(settings)
    except control.ControlProblem as why:
        return Finding(False, f"daemon: {why}", "see above")
    except trio.TooSlowError:
        return Finding(False, f"daemon: no answer within {patience:g} s", "its log says why; restart it")


def _unseen(settings: Settings) -> Finding:
    """Nobody answers at the socket; the kernel's list of locks says whether somebody works all the same."""
    idle = Finding(True, "daemon: does not run now")
    file = settings.database_file
    try:
        inode = os.stat(f"{file}.lock").st_ino
        held = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "FLOCK" in line]
    except OSError:  # no lock was ever taken, or this is not Linux
        return idle
    pid = next((words[4] for words in held if words[5].rpartition(":")[2] == str(inode)), None)
    if pid is None:
        return idle
    what = f"daemon: process {pid} works with {file}, and does not answer at {settings.socket}"
    return Finding(False, what, "let it finish if it is a command; else see [daemon] socket, or stop it")


async def web(settings: Settings, patience: float) -> list[Finding]:
    """Where the web front listens, and whether the world finds it there."""
    http = settings.http
    if http is None:
        return []
    listens = Finding(True, f"http: listens at {http.host}:{http.port}")
    if http.public_url is None:
        return [listens]
    return [listens, await _reached(http.public_url, min(patience, REACH_PATIENCE))]


#: Seconds for our own address to answer from outside.
REACH_PATIENCE = 4.0


async def _reached(public_url: str, patience: float) -> Finding:
    """Whether the public address leads to a fluentsd; a machine that reaches nothing outside can tell nothing."""
    what, where = f"http: {public_url}", f"{public_url}/healthz"
    try:
        async with Http() as http:
            with trio.fail_after(patience):
                answer = await http().get(where)
                parts = answer.json()["parts"]
    except trio.TooSlowError:
        return Finding(True, f"{what} was not tried to its end: no answer within {patience:g} s from here")
    except httpx.TransportError as why:
        return Finding(True, f"{what} was not tried: it cannot be reached from here ({type(why).__name__})")
    except (ValueError, KeyError, TypeError):
        fix = "let the proxy there forward /hooks, /u and /healthz to [http] listen, or correct public_url"
        return Finding(False, f"{what} answers {answer.status_code}, and not as fluentsd does", fix)
    ill = sorted(name for name, part in parts.items() if not part["ok"])
    return Finding(True, f"{what} leads to a fluentsd" + (f"; not well there: {', '.join(ill)}" if ill else ""))


async def channels(settings: Settings, clock: EngineClock, plugins: Plugins, patience: float) -> list[Finding]:
    """Which plugins there are, and what each configured channel says of itself."""
    findings = [Finding(False, f"plugins: {words}", "reinstall it, or remove it") for words in plugins.broken.values()]
    offered = ", ".join(f"{name} (from {plugins.origin[name]})" for name in sorted(plugins.channels))
    findings.append(Finding(bool(offered), f"plugins: {offered or 'none found'}", "" if offered else _INSTALL))
    if not settings.channels:
        findings.append(Finding(False, "channels: none is configured, so nobody can be contacted", _CONFIGURE))
    answers: dict[Kind, list[Finding]] = {}

    async def ask(kind: Kind) -> None:
        answers[kind] = await _channel(settings, kind, clock, plugins, patience, http)

    with _without_trace(settings):
        async with Http() as http, trio.open_nursery() as nursery:
            for kind in settings.channels:
                nursery.start_soon(ask, kind)
    return findings + [finding for kind in settings.channels for finding in answers[kind]]


_INSTALL = "install one, e.g. fluentsd-channel-sandbox, into the environment of fluentsd"
_CONFIGURE = 'write one, such as [channel.email] with plugin = "email"; `fluentsd init` writes an example'


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
        return named + _unheard(settings, kind, channel_state.channel, named)
    except Problems as why:
        return [Finding(False, line, f"correct {settings.path}") for line in why.lines]
    except trio.TooSlowError:
        return [Finding(False, f"{kind}: no answer within {patience:g} s", "is its provider reachable from here?")]
    except Exception as why:  # noqa: BLE001 - the guard at the edge of each plugin's own check
        plugin = settings.channels[kind].plugin
        return [Finding(False, f"{kind}: the plugin {plugin!r} broke: {type(why).__name__}: {why}", "see its guide")]


def _unheard(settings: Settings, kind: Kind, channel: Channel, found: list[Finding]) -> list[Finding]:
    """A warning for a channel that wants webhooks where none can arrive. Who wants them is told by an unsigned one:
    a channel without webhooks reads nothing out of it, one with them refuses it."""
    if settings.http is not None and settings.http.public_url is not None:
        return []
    if any(not finding.ok and "public_url" in finding.fix for finding in found):
        return []  # it says so itself
    try:
        channel.parse_webhook(Request("POST", f"http://localhost/hooks/{kind}", {}, b""))
    except (Forged, ValueError):
        what = f"{kind}: its provider reports by webhook, and no public address is known: outcomes and replies stay out"
        return [Finding(False, what, "write [http] public_url, and let that address lead to [http] listen")]
    return []


def _named(kind: Kind, what: str) -> str:
    """What a channel says of itself, with its name unless it has said it."""
    return what if kind in what else f"{kind}: {what}"


@contextmanager
def _without_trace(settings: Settings) -> Iterator[None]:
    """Channels are given a folder of their own when they are built; those that were not there go again, if empty."""
    wanted = [settings.folder / table.plugin for table in settings.channels.values()]
    new = {place for folder in wanted for place in (folder, *folder.parents) if not place.exists()}
    yield
    for place in sorted(new, key=lambda place: -len(place.parts)):
        try:
            place.rmdir()
        except OSError:  # a plugin keeps something there
            continue
