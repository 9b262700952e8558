"""The settings of a `[source.<name>]` with `plugin = "csv"`; lists all mistakes at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fluentsd.api import OptOutRule, Table, read_opt_out_rules

MEGABYTE = 1_000_000
KNOWN = ("files", "folder", "id", "every", "max_size", "page", "opt_out")
_SHEET = re.compile(r"https://docs\.google\.com/spreadsheets/d/(?P<id>[\w-]+)/(?:edit|view|htmlview)?.*")


@dataclass(frozen=True, slots=True)
class Settings:
    """The files, by the name of their segment: an https address or a path each; and a folder of more. `id` is the
    column that names a record, `every` the microseconds between two requests for one address, `max_size` bytes."""

    files: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    id: str = "id"
    every: int = 60_000_000
    max_size: int = 50 * MEGABYTE
    page: int = 1000
    opt_outs: tuple[OptOutRule, ...] = ()


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    if not {"files", "folder"} & table.rest.keys():
        table.mistakes.append('files: is missing; write { "Spring fair" = "https://…" }, or folder = "/srv/lists"')
    settings = Settings(
        files=table.take("files", {}, _files),
        folder=table.take("folder", "", _folder),
        id=table.take("id", "id", _column),
        every=table.take("every", 60, _whole("seconds", 0, 86_400)) * 1_000_000,
        max_size=table.take("max_size", 50, _whole("megabytes", 1, 1000)) * MEGABYTE,
        page=table.take("page", 1000, _whole("rows", 1, 10_000)),
        opt_outs=read_opt_out_rules(table),
    )
    table.finish("csv")
    return settings


def _files(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not value or not all(isinstance(one, str) for one in value.values()):
        raise ValueError('should be a table of names, { "Spring fair" = "https://… or /path/to/file.csv" }')
    return {str(name): _place(str(name), one) for name, one in value.items()}


def _place(name: str, text: str) -> str:
    if match := _SHEET.fullmatch(text):
        tab = parse_qs(urlsplit(text.replace("#", "&").replace("?", "&").replace("&", "?", 1)).query).get("gid", ["0"])
        return f"https://docs.google.com/spreadsheets/d/{match['id']}/export?format=csv&gid={tab[0]}"
    parts = urlsplit(text)
    if parts.scheme == "https" and parts.netloc:
        return text
    if parts.scheme == "http":
        if parts.hostname in ("127.0.0.1", "localhost", "::1"):
            return text
        raise ValueError(f"{name!r}: people's data does not travel over http; write https://…")
    if not text.startswith("/"):
        raise ValueError(f"{name!r}: {text!r} is neither an https address nor a path from the root (/srv/lists/a.csv)")
    return text


def _folder(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("/"):
        raise ValueError(f'{value!r} should be a path from the root, like "/srv/lists"')
    if not Path(value).is_dir():
        raise ValueError(f"{value!r} is not a folder; create it, or correct the path")
    return value


def _column(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'{value!r} should be the heading of the column that names a record, like "id" or "Phone"')
    return value.strip()


def _whole(unit: str, least: int, most: int) -> Any:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{value!r} should be {unit}, a whole number from {least} to {most}")
        return value

    return read
