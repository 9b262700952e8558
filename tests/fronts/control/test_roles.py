"""Who may use the control socket, and for what."""

# ruff: noqa: ASYNC240 - a test's own small files

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

import pytest
import trio

from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.access import Access, User
from fluentsd.fronts.control import server
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.protocol import ControlProblem
from fluentsd.fronts.control.server import serve
from fluentsd.verbs import Refused
from fluentsd.verbs.call import ROLES, Role
from fluentsd.verbs.catalogue import VERBS

KIM = User(54_321, "kim", frozenset({"kim", "@staff"}))


@pytest.mark.parametrize("role", ROLES)
async def test_the_role_of_a_group_is_enforced(
    runtime: Runtime, path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    async def peer(stream: trio.SocketStream) -> User:
        return KIM

    monkeypatch.setattr(server, "_peer", peer)
    await nursery.start(serve, runtime, path, Access(None, {role: ["@staff"]}))
    async with connect(path) as client:
        for verb in VERBS.values():
            with pytest.raises(Refused) as caught:
                await client.ask(verb.name, {"no such parameter": 1})
            refused = f"{verb.name} needs the role {verb.role}, and kim is {role}" in str(caught.value)
            assert refused is (ROLES.index(role) < ROLES.index(verb.role)), verb.name


async def test_a_user_without_a_role_is_refused_with_the_fix(
    runtime: Runtime, path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def peer(stream: trio.SocketStream) -> User:
        return KIM

    monkeypatch.setattr(server, "_peer", peer)
    await nursery.start(serve, runtime, path, Access(None, {"viewer": ["lee"]}))
    async with connect(path) as client:
        with pytest.raises(Refused, match=r'kim has no role here; .*viewer = \["kim"\]'):
            await client.ask("campaign list")


async def test_the_socket_of_a_group_is_open_to_it_and_to_nobody_else(
    runtime: Runtime, path: Path, nursery: trio.Nursery
) -> None:
    mine = grp.getgrgid(os.getgid())
    await nursery.start(serve, runtime, path, Access(mine.gr_name))
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o660, mine.gr_gid)


async def test_an_unknown_group_ends_the_start_with_the_fix(runtime: Runtime, path: Path) -> None:
    with pytest.raises(ControlProblem, match=r"there is no group no-such-group; correct \[daemon\] socket_group"):
        await serve(runtime, path, Access("no-such-group"))
    assert not path.exists()


async def test_a_user_without_a_name_goes_by_number(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    async with connect(served) as client:
        assert (await client.ask("echo", {"words": "x"}))["actor"] == f"uid {os.getuid()}"
