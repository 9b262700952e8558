"""Users and groups of this machine, and the role of each."""

from __future__ import annotations

import grp
import os
import pwd

import pytest

from fluentsd.fronts.access import Access, User, look_up

OTHER = 54_321
ACCESS = Access("sales", {"admin": ["dana"], "manager": ["@sales", "lee"], "operator": ["lee"], "viewer": ["@staff"]})


def user(name: str, *groups: str, uid: int = OTHER) -> User:
    return User(uid, name, frozenset({name, *groups}))


@pytest.mark.parametrize(
    ("who", "role"),
    [
        (user("dana"), "admin"),
        (user("dana", "@staff"), "admin"),
        (user("lee"), "manager"),
        (user("kim", "@staff", "@sales"), "manager"),
        (user("kim", "@staff"), "viewer"),
        (user("kim", "@other"), None),
        (user("sales"), None),
        (user("kim", uid=0), "admin"),
        (user("kim", uid=os.geteuid()), "admin"),
    ],
)
def test_a_user_has_the_highest_role_that_names_the_user_or_a_group(who: User, role: str | None) -> None:
    assert ACCESS.role_of(who) == role


def test_without_roles_only_the_daemons_user_and_root_have_one() -> None:
    assert Access().role_of(user("dana")) is None
    assert Access().role_of(user("root", uid=0)) == "admin"


def test_a_user_is_looked_up_with_all_groups() -> None:
    me = pwd.getpwuid(os.getuid())
    found = look_up(me.pw_uid, me.pw_gid)
    assert found.name == me.pw_name
    assert f"@{grp.getgrgid(me.pw_gid).gr_name}" in found.names


def test_a_user_without_a_name_goes_by_number_and_keeps_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    mine = grp.getgrgid(os.getgid()).gr_name
    assert look_up(OTHER, os.getgid()) == User(OTHER, f"uid {OTHER}", frozenset({f"@{mine}"}))


def test_names_that_this_machine_lacks_are_listed() -> None:
    mine = grp.getgrgid(os.getgid()).gr_name
    access = Access("no-such-group", {"admin": ["root", "no-such-user"], "viewer": [f"@{mine}", "@no-such-group"]})
    assert list(access.unknown()) == [
        "[daemon] socket_group: there is no group no-such-group",
        "[roles] admin: there is no user no-such-user",
        "[roles] viewer: there is no group no-such-group",
    ]
