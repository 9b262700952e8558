"""Notices that a file in use was replaced by another one or removed.

A daemon goes on with the file that it opened, wherever that is; a program that opens the path meets another one. So
nobody opens it any more: neither the store a further connection, nor the dispatcher the way to a provider.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class FileId(NamedTuple):
    """Tells one file from every other of this machine."""

    device: int
    inode: int


class SameFile:
    """Compares what a path leads to with what it led to when it was remembered; before that, anything is the same."""

    def __init__(self, path: Path, known: FileId | None = None) -> None:
        self.path = path
        self._known = known

    def remember(self) -> None:
        """The path leads to the file that is meant. Only the first time counts."""
        if self._known is None:
            self._known = id_of(self.path)

    @property
    def id(self) -> FileId | None:
        """Of the file that is meant; None before it was remembered."""
        return self._known

    @property
    def is_known(self) -> bool:
        """Whether it was remembered."""
        return self._known is not None

    @property
    def is_there(self) -> bool:
        """Whether the path leads to that file still."""
        return self._known is None or id_of(self.path) == self._known

    @property
    def problem(self) -> str:
        """The sentence for when it does not."""
        return (
            f"{self.path} was replaced or removed while fluentsd works with it; put the file back, because what "
            "fluentsd knows ends with it"
        )


def id_of(path: Path) -> FileId | None:
    """What a path leads to; None if it leads to nothing."""
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return FileId(stat.st_dev, stat.st_ino)
