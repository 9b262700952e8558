"""`fluentsd source connect`: asks for the keys that a plugin declares, secrets unseen, and hands them to the verb."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import trio
import typer

from fluentsd.cli.client import Client
from fluentsd.cli.files import read_toml
from fluentsd.cli.runner import Shell, with_client
from fluentsd.cli.views import show
from fluentsd.verbs import Refused

JsonFlag = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def connect(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="the source's name, like hubspot-eu", metavar="SOURCE")],
    plugin: Annotated[str, typer.Option("--plugin", help="the plugin's name; asked for if it is not given")] = "",
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", help="a file with keys of the table [source.NAME], - for standard input", metavar="FILE"
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Connect a source: check its keys by a read, and keep them encrypted. What is not given is asked for."""
    shell: Shell = context.obj
    shell.as_json = as_json
    given = dict(read_toml(keys)) if keys is not None else {}
    chosen = plugin or str(given.pop("plugin", ""))

    async def work(client: Client) -> Any:
        found = await client.perform("source offers", {"source": source})
        ways = {one["plugin"]: one["sign_ins"] for one in found["plugins"]}
        name = chosen or str(found["connected"])
        if not name or (name in ways and not _has_all(ways[name], given)):
            asked = await trio.to_thread.run_sync(_ask, name, ways, given)
            name = asked.pop("plugin")
            given.update(asked)
        return await client.perform("source connect", {"source": source, "plugin": name, "keys": given})

    show(shell.screen, "source connect", with_client(shell, work))


def _has_all(ways: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> bool:
    return any(all(key["name"] in given for key in way["keys"]) for way in ways)


def _ask(name: str, plugins: Mapping[str, Sequence[Mapping[str, Any]]], given: Mapping[str, Any]) -> dict[str, Any]:
    """The plugin, and the keys of one way to sign in that are not given; runs in a thread."""
    if not sys.stdin.isatty():
        wanted = "--plugin and --keys FILE" if not name else f"--keys FILE with {_keys_of(plugins[name])}"
        raise Refused(f"the keys are asked for on a terminal, and this is none; write {wanted}; nothing was changed")
    if not name:
        name = _choose("Plugin", list(plugins))
    if name not in plugins:
        raise Refused(
            f"the plugin {name!r} names no keys to ask for; write them to a file: --keys FILE; nothing was changed"
        )
    ways = {str(way["title"]): way["keys"] for way in plugins[name]}
    title = next(iter(ways)) if len(ways) == 1 else _choose("Sign in by", list(ways))
    found: dict[str, Any] = {"plugin": name}
    for key in ways[title]:
        if key["name"] not in given:
            found[key["name"]] = _answer(key)
    return found


def _answer(key: Mapping[str, Any]) -> str:
    typer.echo(f"{key['name']}: {key['help']}", err=True)
    text: str = typer.prompt("  the file's path" if key["file"] else "  value", hide_input=key["secret"], err=True)
    if not key["file"]:
        return text.strip()
    try:
        return Path(text.strip()).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as why:
        raise Refused(
            f"{text} cannot be read ({getattr(why, 'strerror', None) or 'no text'}); nothing was changed"
        ) from None


def _choose(what: str, options: Sequence[str]) -> str:
    for place, option in enumerate(options, 1):
        typer.echo(f"  {place}  {option}", err=True)
    while True:
        text: str = typer.prompt(f"{what} (a number or a name)", err=True)
        if text.isdecimal() and 1 <= int(text) <= len(options):
            return options[int(text) - 1]
        if text in options:
            return text
        typer.echo(f"{text!r} is none of them", err=True)


def _keys_of(ways: Sequence[Mapping[str, Any]]) -> str:
    return ", or ".join(" and ".join(key["name"] for key in way["keys"]) for way in ways)
