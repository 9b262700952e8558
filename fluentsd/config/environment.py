"""Environment overrides and secret references (env:, file:, credential:).

`FLUENTSD_CHANNEL__EMAIL__PASSWORD` sets `[channel.email] password` (two underscores are a dot) and is read as the type
of value that the file has there, else as text. Then every reference, `env:NAME`, `file:/path` or `credential:NAME` (in
systemd's $CREDENTIALS_DIRECTORY), is replaced by its value. A broken reference becomes a mistake, not an exception, so
that all are listed at once; a mistake never contains a value.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fluentsd.settings_file import PREFIX
from fluentsd.validation import Place, show_place

#: A file or credential is one secret, not a data set.
SECRET_AT_MOST = 65_536
_REFERENCE = re.compile(r"(env|file|credential):(.+)", re.DOTALL)


class EnvironmentOverlay:
    """Applies environment overrides to a file's table and resolves references; records the origin of each value."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder, self.environ = folder, environ
        self.origin: dict[Place, str] = {}
        self.mistakes: list[str] = []
        self._readers: dict[str, Callable[[str], str]] = {
            "env": self._from_environment, "file": self._from_file, "credential": self._from_credentials,
        }  # fmt: skip

    def override(self, table: dict[str, Any]) -> None:
        for name in sorted(self.environ):
            place = tuple(name.removeprefix(PREFIX).lower().split("__"))
            if name.startswith(PREFIX) and len(place) > 1 and all(place):
                self._put(table, place, name)

    def _put(self, table: dict[str, Any], place: tuple[str, ...], name: str) -> None:
        for part in place[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                self.mistakes.append(f"{name} sets {show_place(place)}, but {part} is not a table")
                return
        text, before = self.environ[name], table.get(place[-1])
        try:
            table[place[-1]] = text if before is None or isinstance(before, str) else _as_toml(text)
        except tomllib.TOMLDecodeError:
            self.mistakes.append(f"{show_place(place)} (from {name}): should have the same type as in the file")
        self.origin[place] = name

    def follow(self, value: Any, place: Place = (), *, secrets: bool) -> Any:
        """The value with all references resolved; tables and lists are changed in place."""
        if isinstance(value, dict | list):
            for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
                new = self.follow(inner, (*place, key), secrets=secrets)
                if new is None and isinstance(value, dict):
                    del value[key]
                else:
                    value[key] = new
        elif isinstance(value, str) and (match := _REFERENCE.fullmatch(value)):
            self.origin[place] = value
            return self._read(match[1], match[2], place) if secrets else None
        return value

    def _read(self, scheme: str, name: str, place: Place) -> str:
        try:
            return self._readers[scheme](name)
        except (OSError, ValueError) as why:
            reason = why.strerror if isinstance(why, OSError) else str(why)
            self.mistakes.append(f"{show_place(place)}: {scheme}:{name} cannot be read: {reason}")
            return "unread"

    def _from_environment(self, name: str) -> str:
        if name not in self.environ:
            raise ValueError(f"the environment variable {name} is not set")
        return self.environ[name]

    def _from_file(self, name: str) -> str:
        with (self.folder / name).open("rb") as file:
            data = file.read(SECRET_AT_MOST + 1)
        if len(data) > SECRET_AT_MOST:
            raise ValueError(f"it is longer than {SECRET_AT_MOST} bytes")
        try:
            return data.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError("it is not UTF-8 text") from None

    def _from_credentials(self, name: str) -> str:
        folder = self.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise ValueError("there is no $CREDENTIALS_DIRECTORY; systemd sets it for a unit with LoadCredential=")
        if "/" in name or name.startswith("."):
            raise ValueError("the name of a credential must not contain a path")
        return self._from_file(str(Path(folder) / name))


def _as_toml(text: str) -> Any:
    return tomllib.loads(f"value = {text}")["value"]
