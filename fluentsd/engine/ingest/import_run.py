"""One run of an import, as a value that crosses a socket as JSON.

A run is identified by its start time: a person seen twice in one run is a duplicate, a person known from an earlier run
is updated. What must not live here: the people of its batches (`people`), what they change (`service`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fluentsd.store.contact_upserts import Attested

#: Batch sizes in people: about 11 ms while others use the database, and large when nothing else does.
SHARED, ALONE = 250, 7_500


class Malformed(ValueError):
    """A run or a person is not in the form that the service takes; the message says what is wrong with which."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has begun. `at`: its start, in epoch microseconds; `at_once`: people in one batch; `needs_phone`:
    whether the campaign's first step can reach only people with a number."""

    source: str
    source_id: int
    at: int
    ref: str | None = None
    campaign_id: int | None = None
    needs_phone: bool = False
    at_once: int = SHARED
    attestation: Attested | None = None

    def as_json(self) -> dict[str, Any]:
        """The run as the answer to the request that began it."""
        given = asdict(self)
        if self.attestation is None:
            del given["attestation"]
        return given

    @classmethod
    def from_json(cls, given: object) -> Run:
        """The run that `as_json` wrote. Raises `Malformed`."""
        if not isinstance(given, Mapping):
            raise Malformed("the run is not what the beginning of the import answered")
        wrong = [
            name
            for name, kinds in _RUN.items()
            if not isinstance(given.get(name), kinds) or isinstance(given.get(name), bool) is not (bool in kinds)
        ]
        wrong += [
            name for name in ("source_id", "at", "campaign_id") if name not in wrong and (given.get(name) or 0) < 0
        ]
        if wrong:
            raise Malformed(f"the run is not what the beginning of the import answered: {', '.join(wrong)}")
        values: dict[str, Any] = {name: given.get(name) for name in _RUN} | {
            "attestation": _attested(given.get("attestation"))
        }
        return cls(**values)


_RUN: Mapping[str, tuple[type, ...]] = {
    "source": (str,), "source_id": (int,), "at": (int,), "ref": (str, type(None)), "campaign_id": (int, type(None)),
    "needs_phone": (bool,), "at_once": (int,),
}  # fmt: skip


def _attested(given: object) -> Attested | None:
    if given is None:
        return None
    if isinstance(given, Mapping):
        id_, consent, scrubbed_at = given.get("id"), given.get("consent"), given.get("scrubbed_at")
        if type(id_) is int and isinstance(consent, str) and type(scrubbed_at) in (int, type(None)):
            return Attested(id_, consent, scrubbed_at)
    raise Malformed("the run's attestation is not what the beginning of the import answered")
