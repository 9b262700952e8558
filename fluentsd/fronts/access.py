"""Access to the control socket: which user or group of this machine has which role.

The kernel names the user at the other end of the socket; `[roles]` maps users and groups to roles. What must not live
here: what a role may do (`verbs.catalogue`), and the socket itself (`control`).
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fluentsd.verbs.call import ROLES, Role


@dataclass(frozen=True, slots=True)
class Access:
    """The group that may connect (None: only the daemon's own user and root); users and groups (`@name`) by role."""

    group: str | None = None
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def role_of(self, user: User) -> Role | None:
        """The highest role that names the user or a group of the user; admin for the daemon's own user and root; None
        for a user whom no role names."""
        if user.uid in (0, os.geteuid()):
            return "admin"
        named = (role for role in reversed(ROLES) if not user.names.isdisjoint(self.roles.get(role, ())))
        return next(named, None)

    def unknown(self) -> Iterator[str]:
        """The names that this machine does not know; a directory server may know them later."""
        if self.group is not None and not _is_group(self.group):
            yield f"[daemon] socket_group: there is no group {self.group}"
        for role, accounts in self.roles.items():
            for account in accounts:
                if account.startswith("@") and not _is_group(account[1:]):
                    yield f"[roles] {role}: there is no group {account[1:]}"
                elif not account.startswith("@") and not _is_user(account):
                    yield f"[roles] {role}: there is no user {account}"


@dataclass(frozen=True, slots=True)
class User:
    """A user of this machine. `names`: the user's name, and the groups as `@name`."""

    uid: int
    name: str
    names: frozenset[str]


def look_up(uid: int, gid: int) -> User:
    """The user with this id; `gid` is the group of the user's process. Blocks, because it may query a directory."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return User(uid, f"uid {uid}", frozenset(_group_names([gid])))
    groups = _group_names({gid, *os.getgrouplist(name, gid)})
    return User(uid, name, frozenset({name, *groups}))


def _group_names(gids: Collection[int]) -> Iterator[str]:
    for gid in gids:
        try:
            yield f"@{grp.getgrgid(gid).gr_name}"
        except KeyError:
            continue


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
