"""`agents apply`: reads an agent file on the user's machine.

A long prompt may be in a file of its own beside it: `prompt_file = "sales.md"`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fluentsd.cli.files import display_name, read_text, read_toml
from fluentsd.cli.runner import Shell, refusals, run_verb


def apply_agents(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="the agent file, - for standard input", metavar="FILE")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would change, change nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Create or change phone agents from a file; lists the campaigns that use a changed one."""
    from fluentsd.domain.agents import read_agents

    shell: Shell = context.obj
    shell.as_json = as_json
    with refusals():
        agents = read_agents(_with_prompts(read_toml(file, "agent"), file.parent), display_name(file))
    given = {"agent": [one.model_dump(mode="json", exclude_defaults=True) for one in agents]}
    run_verb(shell, "agents apply", {"file": given, "dry_run": dry_run})


def _with_prompts(data: dict[str, Any], beside: Path) -> dict[str, Any]:
    """The file's data, with the texts of each `prompt_file` in it."""
    tables = data.get("agent")
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict) and isinstance(table.get("prompt_file"), str) and "prompt" not in table:
            table["prompt"] = read_text(beside / table.pop("prompt_file"))
    return data
