"""The commands `fluentsd slack …`: the app's manifest, the check of an installed app, and the preview without one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import trio
import typer

from fluentsd.cli.runner import Shell, fail
from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show

JsonFlag = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def manifest(
    context: typer.Context,
    command: Annotated[str, typer.Option("--command", help="the slash command")] = "/campaign",
    name: Annotated[str, typer.Option("--name", help="the app's name in Slack")] = "Fluents",
) -> None:
    """Print the manifest from which an admin makes the Slack app."""
    from fluentsd.fronts.slack.manifest import manifest as made

    print(json.dumps(made(command, name), indent=2))  # noqa: T201 - it is a file


def check(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Check tokens, scopes, channel, user groups and clock of the Slack app; each problem comes with its fix."""
    from fluentsd.clock import SystemClock
    from fluentsd.log import get_logger

    shell: Shell = context.obj
    shell.as_json = as_json
    settings = shell.settings().slack
    if settings is None:
        fail("there is no [slack] table in fluentsd.toml; docs/slack.md explains the set-up")
    from fluentsd.fronts.slack.check import look
    from fluentsd.fronts.slack.web_api import WebApi

    api = WebApi(settings, get_logger())
    findings = [asdict(one) for one in trio.run(look, settings, api, SystemClock().now())]
    if as_json:
        show(Screen(as_json=True), "", {"findings": findings})
    else:
        show(shell.screen, "check", {"settings": {}, "findings": findings})
    raise SystemExit(0 if all(finding["ok"] for finding in findings) else 1)


def preview(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="the page's port; 0 takes a free one")] = 8790,
    empty: Annotated[bool, typer.Option("--empty", help="start without a campaign and without numbers")] = False,
) -> None:
    """Try the Slack commands in a browser, without a workspace: nobody is called or written to."""
    from fluentsd.cli.runner import refusals

    try:
        from fluentsd.preview.run import run
    except ImportError as why:
        fail(f"the preview needs the libraries of Slack and the demo ({why.name}): pip install 'fluentsd[slack,demo]'")

    def ready(address: str) -> None:
        text = f"Open {address}\nType /campaign there. Ctrl-C ends the preview and removes its data."
        print(text, flush=True)  # noqa: T201 - the shell's own output

    from fluentsd.log import configure

    log = configure("text", "warning")
    with refusals():
        try:
            trio.run(lambda: run(port, empty=empty, ready=ready, log=log))
        except* OSError as group:
            fail(f"port {port} cannot be used ({group.exceptions[0]}); choose another with --port, or --port 0")
