"""The connected sources: those that `fluentsd source connect` made, each a sealed `[source.<name>]` table on disk.

They lie in the plugin's folder and not in the database, because a restored database would bring back tokens that the
provider has replaced since. What must not live here: the check of a connection (`fluentsd.connecting`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fluentsd.config.schema import NAME, Source
from fluentsd.sealing import SUFFIX, CannotUnseal, Sealer, write_private
from fluentsd.validation import explain

CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class Connection:
    """One connected source: its table, or the `problem` for which it cannot be read."""

    table: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections below the plugins' folder."""

    folder: Path
    sealer: Sealer

    def names(self) -> list[str]:
        """The names of all connected sources."""
        found = self.folder.glob(f"*/{CONNECTION}{SUFFIX}")
        return sorted(file.parent.name for file in found if NAME.fullmatch(file.parent.name))

    def read(self, name: str) -> Connection:
        """One connected source."""
        again = f"or connect it again: fluentsd source connect {name}"
        try:
            text = self.sealer.unseal(_place(name), self.file(name).read_bytes())
            table = json.loads(text)
            Source.model_validate(table)
        except CannotUnseal as why:
            return Connection(problem=f"the keys of {name} cannot be read: {why}, {again}")
        except OSError as why:
            return Connection(
                problem=f"{self.file(name)} cannot be read ({why.strerror}); correct its permissions, {again}"
            )
        except ValidationError as why:
            mistakes = "; ".join(explain(None, why))
            return Connection(
                problem=f"the connection of {name} does not fit this fluentsd ({mistakes}); update it, {again}"
            )
        return Connection(table)

    def save(self, name: str, table: Mapping[str, Any]) -> None:
        """Keep a connection. Raises `CannotUnseal` or OSError; nothing was changed then."""
        file = self.file(name)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, self.sealer.seal(_place(name), json.dumps(table)))

    def remove(self, name: str) -> None:
        """Delete a connection, and the tokens that its plugin keeps. What the plugin has written to the CRM stays
        known."""
        self.file(name).unlink(missing_ok=True)
        for kept in self.file(name).parent.glob(f"*{SUFFIX}"):
            kept.unlink(missing_ok=True)

    def file(self, name: str) -> Path:
        """Where the connection lies."""
        return self.folder / name / f"{CONNECTION}{SUFFIX}"


def _place(name: str) -> str:
    return f"sources/{name}/{CONNECTION}"
