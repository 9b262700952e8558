"""The commands about this machine: init, run, check, demo, plugins; and those that write or read a campaign's file."""

from __future__ import annotations

import json
import re
import shlex
import time
import tomllib
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import trio
import typer

from fluentsd.cli.files import display_name, read_toml
from fluentsd.cli.runner import Shell, fail, refusals, run_verb
from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show

JsonFlag = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def init(
    file: Annotated[Path, typer.Argument(help="the file to write")] = Path("fluentsd.toml"),
    data: Annotated[
        Path | None, typer.Option("--data", help="the folder of the database; default: the folder of the file")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite an existing file")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a commented fluentsd.toml that runs as it is, with simulated carriers on this machine."""
    from fluentsd.config import TEMPLATE

    text = TEMPLATE
    if data is not None:
        if not data.is_dir():
            fail(f"{data} is not a folder; make it first, owned by the user who runs the daemon; nothing was written")
        text = text.replace('path = "fluentsd.db"', f"path = {json.dumps(str(data.absolute() / 'fluentsd.db'))}", 1)
    _write_new(file, text, force)
    _wrote(file, "fluentsd check, then fluentsd run", as_json)


def run(context: typer.Context) -> None:
    """Run the daemon until SIGTERM or Ctrl-C."""
    from fluentsd.cli.service import run_daemon

    run_daemon(context.obj)


def check(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Check configuration, database, plugins, channels and clock; each problem comes with its fix."""
    from fluentsd.doctor import look

    shell: Shell = context.obj
    shell.as_json = as_json
    settings = shell.settings()
    findings = trio.run(look, settings)
    show(shell.screen, "check", {"settings": settings.shown(), "findings": findings})
    raise SystemExit(0 if all(finding["ok"] for finding in findings) else 1)


def demo(
    people: Annotated[int, typer.Option("--people", help="the number of people", min=10, max=1400)] = 100,
    seed: Annotated[int, typer.Option("--seed", help="the seed of the random people and outcomes")] = 7,
    speed: Annotated[str, typer.Option("--speed", help='"fast" or "real" (weeks of wall time)')] = "fast",
    picture: Annotated[Path | None, typer.Option("--picture", help="also write the result as an SVG file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object with the figures")] = False,
) -> None:
    """Run a week of a campaign in under a minute, with simulated carriers; fails if a promise is broken."""
    from fluentsd.demo.run import DemoState, run_demo
    from fluentsd.demo.screen import DemoScreen
    from fluentsd.demo.verify import broken_promises
    from fluentsd.testing import SinkUnavailable
    from fluentsd.validation import Problems

    if speed not in ("fast", "real"):
        fail(f'--speed is "fast" or "real", not {speed!r}', 2)
    began = time.monotonic()
    demo_screen = DemoScreen(picture)
    try:
        with demo_screen if not as_json else nullcontext():
            state: DemoState = trio.run(lambda: run_demo(people, seed, real=speed == "real", watch=demo_screen.watch))
    except (Problems, SinkUnavailable) as why:
        fail(f"the demo cannot run: {why}\nIt needs fluentsd[demo] and the channel plugins sandbox and email")
    if as_json:
        print(json.dumps(state.figures))  # noqa: T201 - the shell's own output
    else:
        demo_screen.conclude(state, time.monotonic() - began)
    raise SystemExit(1 if broken_promises(state.figures) else 0)


def plugins(as_json: JsonFlag = False) -> None:
    """List the installed plugins, what they offer, and the errors of broken ones."""
    from fluentsd.plugins import discover

    found = discover()
    others = {"source": found.sources, "agent provider": found.agent_providers}
    screen = Screen(as_json=as_json)
    if as_json:
        offers = [{"channel": name, "plugin": found.origin[name]} for name in sorted(found.channels)]
        sources = [{"source": name, "plugin": found.origin[f"source {name}"]} for name in sorted(found.sources)]
        providers = sorted(found.agent_providers)
        agents = [{"agents": name, "plugin": found.origin[f"agent provider {name}"]} for name in providers]
        show(screen, "plugins", {"channels": offers, "sources": sources, "agents": agents, "broken": found.broken})
        return
    rows = [[name, "channel", found.origin[name]] for name in sorted(found.channels)]
    rows += [
        [name, noun, found.origin[f"{noun} {name}"]] for noun, offered in others.items() for name in sorted(offered)
    ]
    screen.table(["Plugin", "Offers a", "Installed by"], rows)
    for sentence in found.broken.values():
        screen.say(sentence, "red")


def new(
    file: Annotated[Path | None, typer.Argument(help="the file to write; default: standard output")] = None,
    pattern: Annotated[str, typer.Option("--pattern", help="the preset to start from")] = "call-and-follow-up",
    force: Annotated[bool, typer.Option("--force", help="overwrite an existing file")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a campaign file from a preset: simple-call, multi-step-calls, call-and-follow-up, re-engagement,
    appointment-reminder or payment-reminder."""
    from fluentsd.verbs import presets  # here: most commands need none

    known = presets.names()
    if pattern not in known:
        fail(f"there is no pattern {pattern!r}; there are: {', '.join(known)}", 2)
    text = presets.text_of(pattern)
    if file is not None:
        _write_new(file, _named_after(file, text), force)
        _wrote(file, f"edit it, then: fluentsd campaign apply {shlex.quote(str(file))}", as_json)
    elif as_json:
        show(Screen(as_json=True), "", {"pattern": pattern, "file": tomllib.loads(text)})
    else:
        print(text, end="")  # noqa: T201 - it is a file


def _named_after(file: Path, text: str) -> str:
    """The preset with a ref like the file's name: `campaign new leads.toml` makes the campaign `leads`."""
    from fluentsd.domain.campaign_values import plain

    ref = plain(file.stem)
    without = re.sub(r"(?m)^ref = .*\n", "", text)
    return re.sub(r"(?m)^(name = .*\n)", rf'\1ref = "{ref}"\n', without, count=1) if ref else text


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="the campaign file, - for standard input", metavar="FILE")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would change, change nothing")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Create or change a campaign from its file; shows the old and new value of each change."""
    shell: Shell = context.obj
    shell.as_json = as_json
    from fluentsd.domain.campaign import read_campaign

    with refusals():
        spec = read_campaign(read_toml(file, "campaign"), display_name(file))
    data = spec.model_dump(mode="json", exclude_unset=True)
    run_verb(shell, "campaign apply", {"file": data, "dry_run": dry_run})


def _write_new(file: Path, text: str, force: bool) -> None:
    if file.is_dir():
        fail(f"{file} is a folder; give the name of a file in it; nothing was written")
    if file.exists() and not force:
        fail(f"{file} exists already; give another name, or use --force to overwrite it")
    try:
        file.write_text(text, "utf-8")
    except OSError as why:
        fail(f"{file} cannot be written: {why.strerror}")


def _wrote(file: Path, following: str, as_json: bool) -> None:
    screen = Screen(as_json=as_json)
    if as_json:
        show(screen, "", {"wrote": str(file)})
    else:
        screen.say(f"wrote {file}; next: {following}")
