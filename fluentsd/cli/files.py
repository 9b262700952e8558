"""Files that people write for us, read where they sit: parsed, or the end of the program with one clear message."""

from __future__ import annotations

import stat
import sys
import tomllib
from pathlib import Path
from typing import Any, Literal

from fluentsd.cli.runner import fail
from fluentsd.validation import explain_toml

#: Such a file is a page or two; what is longer is another file, named by mistake.
AT_MOST = 1 << 20
_BEGIN = {
    "campaign": "begin with a ready campaign: fluentsd campaign new FILE",
    "template": 'write [[template]] with name = "…", channel = "email" and its words',
}


def said_of(file: Path) -> str:
    """What a message calls a file."""
    return "standard input" if str(file) == "-" else str(file)


def read_toml(file: Path, what: Literal["campaign", "template"]) -> dict[str, Any]:
    """A parsed file."""
    name, text = said_of(file), read_text(file)
    if not text.strip():
        fail(f"{name} is empty; {_BEGIN[what]}; nothing was changed")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        fail(f"{name} is not a {what} file: {explain_toml(text, why)}; nothing was changed")
    except (ValueError, RecursionError):  # the interpreter's own limits
        fail(f"{name} is not a {what} file: its brackets or its digits go on without end; nothing was changed")


def read_text(file: Path) -> str:
    """A file's words."""
    name, said = said_of(file), b""
    try:
        said = _bytes_of(file)
        if said.startswith((b"\xff\xfe", b"\xfe\xff")):
            fail(f"{name} is UTF-16 text; save it as UTF-8; nothing was changed")
        if b"\0" in said:
            fail(f"{name} is not a text file; nothing was changed")
        return said.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        line = said.count(b"\n", 0, why.start) + 1
        fail(f"{name} is not UTF-8 text (line {line}); save it as UTF-8; nothing was changed")
    except FileNotFoundError:
        fail(f"there is no file {name}; nothing was changed")
    except OSError as why:
        fail(f"{name} cannot be read: {why.strerror}; nothing was changed")


def _bytes_of(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(AT_MOST)
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(0, "it is a folder" if file.is_dir() else "it is not a file")
    if file.stat().st_size > AT_MOST:
        raise OSError(0, "it is longer than a megabyte, and such a file is a page or two")
    return file.read_bytes()
