"""The `fluentsd` command line, built from the verbs, and the few commands about this machine.

Exit status: 0 done, 1 refused (the message says why), 2 wrong usage. `--json` on every command prints the verb's
answer unchanged.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fluentsd.cli import commands, guesses
from fluentsd.cli.files import read_toml
from fluentsd.cli.runner import REFUSE_AS_JSON, Shell, fail, local_moment, run_program, run_verb
from fluentsd.verbs.catalogue import ALIASES, VERBS, Param, Verb

#: The type of a kind on the command line; every other kind is a text.
_TYPES: dict[str, Any] = {"int": int, "flag": bool, "texts": list[str], "file": Path}
_GROUPS = {
    "campaign": "create, inspect and control campaigns",
    "contacts": "find, import and explain people",
    "templates": "named messages with versions",
    "agents": "phone agents with versions",
    "numbers": "caller IDs",
    "unknown": "attempts with an unknown outcome",
    "suppression": "the suppression list: numbers and addresses that are never contacted",
    "source": "CRMs and files that people come from",
    "sync": "segments that campaigns follow",
    "slack": "the Slack app: its manifest, and the check of its set-up",
    "outbox": "events on their way to the log, the webhook and other targets",
}


#: The error of words that are no command, of which typer exports only a kind.
_UsageError: Any = typer.BadParameter.__base__


class _Group(TyperGroup):
    """A group of commands, which answers words that are none of them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if word not in self.commands and not word.startswith("-"):
            group = "" if ctx.parent is None else str(self.name)
            ctx.fail(f"No such command {word!r}. {guesses.answer(group, word, list(self.commands))}".rstrip())
        return super().resolve_command(ctx, args)


class _Commands(_Group):
    """The top level of the command line: suggests `campaign pause` for `pause`, and accepts a group's old name."""

    def main(self, args: Sequence[str] | None = None, **more: Any) -> Any:  # type: ignore[override]
        """Run; with `--json` among the words every refusal is one JSON object, a usage error too."""
        words = list(sys.argv[1:] if args is None else args)
        if "--json" not in words or not more.pop("standalone_mode", True):
            return super().main(args=args, **more)
        asked = REFUSE_AS_JSON.set(True)
        try:
            sys.exit(super().main(args=words, standalone_mode=False, **more) or 0)
        except _UsageError as why:
            fail(why.format_message(), why.exit_code)
        finally:
            REFUSE_AS_JSON.reset(asked)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if word == "help":
            asked = self.commands.get(args[1]) if args[1:] else None
            typer.echo(ctx.get_help() if asked is None else asked.get_help(ctx))
            ctx.exit(0)
        if word in ALIASES:
            typer.echo(f"`{word}` is now `{ALIASES[word]}`; the old word goes away in the next release", err=True)
            return super().resolve_command(ctx, [ALIASES[word], *args[1:]])
        groups = [name for name, group in self.commands.items() if word in getattr(group, "commands", ())]
        if word not in self.commands and word not in guesses.GUESSES[""] and groups:
            ctx.fail(f"No such command {word!r}. Did you mean {' or '.join(f'{g} {word}' for g in groups)}?")
        return super().resolve_command(ctx, args)


def build() -> typer.Typer:
    """The whole command line; the help has boxes and colours only on a terminal."""
    markup: Any = "rich" if sys.stdout.isatty() and sys.stderr.isatty() else None
    app = typer.Typer(
        cls=_Commands,
        help="Run outreach campaigns by phone, SMS and e-mail, inside each person's contact window.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=markup,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    groups = {
        name: typer.Typer(cls=_Group, help=_sentence(text), no_args_is_help=True, rich_markup_mode=markup)
        for name, text in _GROUPS.items()
    }
    for verb in VERBS.values():
        group, _, word = verb.name.rpartition(" ")
        if not verb.hidden and verb.name not in commands.FROM_FILES:
            (groups[group] if group else app).command(word, help=_sentence(verb.help))(_command(verb))
    commands.add_to(app, groups)
    for name, group_app in groups.items():
        app.add_typer(group_app, name=name)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"fluentsd {metadata.version('fluentsd')}")
        raise typer.Exit


def _root(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="the fluentsd.toml to use; default: $FLUENTSD_CONFIG, ./, /etc/fluentsd/"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="print the version", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    context.obj = Shell(config)


def _command(verb: Verb) -> Callable[..., None]:
    def command(**given: Any) -> None:
        shell: Shell = given.pop("context").obj
        shell.as_json = given.pop("as_json")
        given = {name: read_toml(value) if isinstance(value, Path) else value for name, value in given.items()}
        for param in verb.params:
            if isinstance(given.get(param.name), list) and param.kind != "texts":
                given[param.name] = " ".join(given[param.name])
            if param.kind == "moment" and given.get(param.name) and not given.get("ref"):
                given[param.name] = local_moment(given[param.name], days=param.whole_days)
        run_verb(shell, verb.name, {name: value for name, value in given.items() if value is not None})

    positional = [param for param in verb.params if not param.option]
    params = [_parameter(param, is_last=positional[-1:] == [param]) for param in verb.params if param.kind != "data"]
    params.append(_json())
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    command.__signature__ = inspect.Signature([context, *params])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [context, *params]}
    return command


def _parameter(param: Param, *, is_last: bool) -> inspect.Parameter:
    takes_words = is_last and param.required and param.kind in ("moment", "contact")  # tomorrow 9am, +49 151 1234567
    kind: Any = list[str] if takes_words or (is_last and param.name == "words") else _TYPES.get(param.kind, str)
    flag = param.name.replace("_", "-")
    choices = f" ({', '.join(param.options)})" if param.options else ""
    if param.option:
        word = None if param.kind in ("text", "texts", "int", "flag") else param.kind.upper()
        info: Any = typer.Option(f"--{flag}", help=f"{param.help}{choices}", metavar=word)
    else:
        info = typer.Argument(help=f"{param.help}{choices}", metavar=param.name.upper())
    optional = not param.required and param.kind not in ("flag", "texts") and param.default is None
    annotation: Any = Annotated[(kind | None) if optional else kind, info]
    default = (
        inspect.Parameter.empty if param.required else (param.default or []) if kind == list[str] else param.default
    )
    return inspect.Parameter(param.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _json() -> inspect.Parameter:
    annotation = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]
    return inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def main() -> None:
    """The program."""
    run_program(build())
