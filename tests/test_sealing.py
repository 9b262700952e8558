"""Secrets on disk: one key outside of them, and a clear sentence for each way in which it can be wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio
from cryptography.fernet import Fernet

from fluentsd.api import NeedsHuman
from fluentsd.sealing import CannotUnseal, SealedSecrets, Sealer

PLACE = "sources/hubspot/connection"


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return Sealer(tmp_path / "secrets.key")


def test_what_was_sealed_is_unsealed_and_the_key_is_the_owners(sealer: Sealer) -> None:
    sealed = sealer.seal(PLACE, "hush")
    assert b"hush" not in sealed
    assert sealer.unseal(PLACE, sealed) == "hush"
    assert sealer.file.stat().st_mode & 0o777 == 0o600


def test_a_secret_is_good_at_its_own_place_alone(sealer: Sealer) -> None:
    with pytest.raises(CannotUnseal, match="sealed for sources/hubspot/connection, and lies at sources/other"):
        sealer.unseal("sources/other/connection", sealer.seal(PLACE, "hush"))


def test_a_lost_key_is_said_and_no_other_takes_its_place(sealer: Sealer) -> None:
    sealed = sealer.seal(PLACE, "hush")
    sealer.file.unlink()
    with pytest.raises(CannotUnseal, match=r"secrets\.key is missing; put the key back"):
        sealer.unseal(PLACE, sealed)
    assert not sealer.file.exists()


def test_another_key_does_not_fit(sealer: Sealer, tmp_path: Path) -> None:
    sealed = sealer.seal(PLACE, "hush")
    with pytest.raises(CannotUnseal, match="is not the key that it was sealed with"):
        Sealer(tmp_path / "x", Fernet.generate_key().decode()).unseal(PLACE, sealed)


def test_an_old_key_below_the_new_one_still_unseals(sealer: Sealer) -> None:
    sealed = sealer.seal(PLACE, "hush")
    sealer.file.write_text(f"{Fernet.generate_key().decode()}\n{sealer.file.read_text()}")
    assert sealer.unseal(PLACE, sealed) == "hush"


@pytest.mark.parametrize("text", ["", "hunter2", "\0"])
def test_a_key_that_is_none_is_said_without_its_text(sealer: Sealer, text: str) -> None:
    sealer.file.write_text(text)
    sealer.file.chmod(0o600)
    with pytest.raises(CannotUnseal, match="has no key of 32 bytes in base64") as caught:
        sealer.seal(PLACE, "hush")
    assert "hunter2" not in str(caught.value)


def test_a_key_that_everybody_may_read_is_refused(sealer: Sealer) -> None:
    sealer.prepare()
    sealer.file.chmod(0o604)
    with pytest.raises(CannotUnseal, match="chmod 600"):
        sealer.seal(PLACE, "hush")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_room_for_a_key_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CannotUnseal, match=r"cannot be used .* set \[daemon\] secret_key"):
        Sealer(tmp_path / "secrets.key").prepare()
    tmp_path.chmod(0o700)


async def test_a_plugins_secret_survives_and_needs_its_key(sealer: Sealer, tmp_path: Path) -> None:
    secrets = SealedSecrets(sealer, tmp_path, "sources/ghl", trio.to_thread.run_sync)
    assert await secrets.load("oauth") is None
    await secrets.save("oauth", "refresh-1")
    assert await SealedSecrets(sealer, tmp_path, "sources/ghl", trio.to_thread.run_sync).load("oauth") == "refresh-1"
    other = Sealer(tmp_path / "x", Fernet.generate_key().decode())
    with pytest.raises(NeedsHuman, match="is not the key"):
        await SealedSecrets(other, tmp_path, "sources/ghl", trio.to_thread.run_sync).load("oauth")


async def test_a_token_that_is_good_once_is_not_fetched_where_it_cannot_be_kept(tmp_path: Path) -> None:
    secrets = SealedSecrets(Sealer(tmp_path / "x", "no key"), tmp_path, "sources/ghl", trio.to_thread.run_sync)
    with pytest.raises(NeedsHuman, match="has no key"):
        await secrets.load("oauth")
