"""Reads campaign and template files on the user's machine; a bad file ends the program with one clear message."""

from __future__ import annotations

import stat
import sys
import tomllib
from pathlib import Path
from typing import Any

from fluentsd.cli.runner import fail

#: In bytes. Such a file has a page or two; a longer one was probably named by mistake.
SIZE_AT_MOST = 1 << 20
_BEGIN = {
    "campaign": "begin with a ready campaign: fluentsd campaign new FILE",
    "template": 'write [[template]] with name = "…", channel = "email" and its text',
    "agent": 'write [[agent]] with name = "…", company = "…" and prompt = "…"',
}


def display_name(file: Path) -> str:
    """The name of a file in messages."""
    return "standard input" if str(file) == "-" else str(file)


def read_toml(file: Path, what: str = "TOML") -> dict[str, Any]:
    """Parse a TOML file; `what` is "campaign", "template" or another noun for messages."""
    name, text = display_name(file), read_text(file)
    article = "an" if what[0] in "aeiou" else "a"
    if not text.strip():
        fail(f"{name} is empty; {_BEGIN.get(what, 'write its keys')}; nothing was changed")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        from fluentsd.validation import explain_toml

        fail(f"{name} is not {article} {what} file: {explain_toml(text, why)}; nothing was changed")
    except (ValueError, RecursionError):  # the interpreter's own limits
        limits = "its brackets are nested too deeply, or a number is too long"
        fail(f"{name} is not {article} {what} file: {limits}; nothing was changed")


def read_text(file: Path) -> str:
    """The text of a file."""
    name, content = display_name(file), b""
    try:
        content = _bytes_of(file)
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            fail(f"{name} is UTF-16 text; save it as UTF-8; nothing was changed")
        if b"\0" in content:
            fail(f"{name} is not a text file; nothing was changed")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        line = content.count(b"\n", 0, why.start) + 1
        fail(f"{name} is not UTF-8 text (line {line}); save it as UTF-8; nothing was changed")
    except FileNotFoundError:
        fail(f"there is no file {name}; nothing was changed")
    except OSError as why:
        fail(f"{name} cannot be read: {why.strerror}; nothing was changed")


def _bytes_of(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(SIZE_AT_MOST)
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(0, "it is a folder" if file.is_dir() else "it is not a file")
    if file.stat().st_size > SIZE_AT_MOST:
        raise OSError(0, "it is larger than 1 MiB")
    return file.read_bytes()
