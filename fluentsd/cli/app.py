"""The `fluentsd` command line, built from the verbs, and the few commands about this machine.

Exit status: 0 done, 1 refused (the message says why), 2 wrong usage. `--json` on every command prints the verb's
answer unchanged.

A command is built, and its module imported, only when it is run or listed: the shell answers before a person notices.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fluentsd.cli import guesses
from fluentsd.cli.completion import can_offer, offered
from fluentsd.cli.perform import perform
from fluentsd.cli.quick_parser import COMMANDS, takes_words, without_config
from fluentsd.cli.runner import REFUSE_AS_JSON, Shell, fail, run_program
from fluentsd.verbs.catalogue import ALIASES, VERBS
from fluentsd.verbs.verb import Param, Verb

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
    """A group of commands, each made when it is asked for. It answers words that are none of them."""

    def __init__(self, *, group: str = "", **more: Any) -> None:
        super().__init__(**more)
        self._group, self._words = group, words_of(group)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self._words)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _made(self._group, cmd_name, _markup()) if cmd_name in self._words else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if word not in self._words and not word.startswith("-"):
            ctx.fail(f"No such command {word!r}. {guesses.answer(self._group, word, self._words)}".rstrip())
        return super().resolve_command(ctx, args)


class _Commands(_Group):
    """The top level of the command line: suggests `campaign pause` for `pause`, and accepts a group's old name."""

    def main(self, args: Sequence[str] | None = None, **more: Any) -> Any:  # type: ignore[override]
        """Run; the settings file may be named anywhere among the words. With `--json` every refusal is one JSON object,
        a usage error too."""
        config, words = without_config(sys.argv[1:] if args is None else args)
        words = words if config is None else ["--config", config, *words]
        if "--json" not in words or not more.pop("standalone_mode", True):
            return super().main(args=words, **more)
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
            asked = self.get_command(ctx, args[1]) if args[1:] else None
            typer.echo(ctx.get_help() if asked is None else asked.get_help(ctx))
            ctx.exit(0)
        if word in ALIASES:
            typer.echo(f"`{word}` is now `{ALIASES[word]}`; the old word goes away in the next release", err=True)
            return super().resolve_command(ctx, [ALIASES[word], *args[1:]])
        groups = [name for name in _GROUPS if word in words_of(name)]
        if word not in self._words and word not in guesses.GUESSES[""] and groups:
            ctx.fail(f"No such command {word!r}. Did you mean {' or '.join(f'{g} {word}' for g in groups)}?")
        return super().resolve_command(ctx, args)


def words_of(group: str) -> tuple[str, ...]:
    """The words of a group; of the top level, with its groups."""
    names = [verb.name for verb in VERBS.values() if not verb.hidden and verb.name not in COMMANDS]
    words = [name.rpartition(" ") for name in (*names, *COMMANDS)]
    return (*(word for its, _, word in words if its == group), *(() if group else _GROUPS))


def _made(group: str, word: str, markup: Any) -> Any:
    """A command, or a group of the top level."""
    if not group and word in _GROUPS:
        return _group_of(typer.Typer(help=_sentence(_GROUPS[word]), no_args_is_help=True), word, markup)
    name = f"{group} {word}".strip()
    if name in COMMANDS:
        module, _, function = COMMANDS[name].partition(".")
        run, text = getattr(import_module(f"fluentsd.cli.{module}"), function), None
    else:
        run, text = _command(VERBS[name]), _sentence(VERBS[name].help)
    return _typed(run, word, text, markup)


@cache
def _typed(run: Callable[..., None], word: str, text: str | None, markup: Any) -> Any:
    """A command as typer reads it; a process makes each once."""
    app = typer.Typer(rich_markup_mode=markup)
    app.callback()(_nothing)
    app.command(word, help=text)(run)
    return typer.main.get_group(app).commands[word]


def _group_of(app: typer.Typer, word: str, markup: Any) -> Any:
    """A group that makes its commands when they are asked for."""
    app.callback()(_nothing)
    plain = typer.main.get_group(app)
    return _Group(group=word, name=word, help=plain.help, no_args_is_help=True, rich_markup_mode=markup)


def _markup() -> Any:
    """Boxes and colours in a help on a terminal only."""
    return "rich" if sys.stdout.isatty() and sys.stderr.isatty() else None


def _nothing() -> None:
    """The options of a group: none."""


def build() -> Any:
    """The whole command line."""
    app = typer.Typer(
        cls=_Commands,
        help="Run outreach campaigns by phone, SMS and e-mail, inside each person's contact window.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=_markup(),
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        from importlib import metadata

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


@cache
def _command(verb: Verb) -> Callable[..., None]:
    def command(**given: Any) -> None:
        shell: Shell = given.pop("context").obj
        shell.as_json = given.pop("as_json")
        perform(shell, verb, given)

    positional = [param for param in verb.params if not param.option]
    params = [_parameter(param, is_last=positional[-1:] == [param]) for param in verb.params if param.kind != "data"]
    params.append(_json())
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    command.__signature__ = inspect.Signature([context, *params])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [context, *params]}
    return command


def _parameter(param: Param, *, is_last: bool) -> inspect.Parameter:
    kind: Any = list[str] if takes_words(param, is_last=is_last) else _TYPES.get(param.kind, str)
    choices = f" ({', '.join(param.options)})" if param.options else ""
    about: Any = {"help": f"{param.help}{choices}", "autocompletion": _completer(param) if can_offer(param) else None}
    if param.option:
        word = None if param.kind in ("text", "texts", "int", "flag") else param.kind.upper()
        info: Any = typer.Option(f"--{param.flag}", metavar=word, **about)
    else:
        info = typer.Argument(metavar=param.name.upper(), **about)
    optional = not param.required and param.kind not in ("flag", "texts") and param.default is None
    annotation: Any = Annotated[(kind | None) if optional else kind, info]
    default = (
        inspect.Parameter.empty if param.required else (param.default or []) if kind == list[str] else param.default
    )
    return inspect.Parameter(param.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _completer(param: Param) -> Callable[..., list[str]]:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        return offered(param, ctx.find_root().params.get("config"), incomplete)

    return complete


def _json() -> inspect.Parameter:
    annotation = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]
    return inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def main() -> None:
    """The program."""
    run_program(build())
