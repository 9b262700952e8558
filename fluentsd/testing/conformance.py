"""The promises of `fluentsd.api.Channel`, each as one check that any channel plugin can run in its own tests.

A check is a named async function of a `Case`; its first docstring line is the promise. `exercise_channel` runs them
all and reports every broken promise at once. Checks that need the provider's side of the story (what did it really
accept?) do less without a `ProviderControl`; a plugin that is to be trusted with people should bring one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from fluentsd.api import (
    Absent,
    CannotTell,
    Channel,
    Finding,
    Forged,
    Found,
    Inbound,
    Kind,
    PluginError,
    Receipt,
    Rejected,
    Request,
    Tools,
    Unavailable,
)
from fluentsd.testing.trial import Case, Fault, ProviderControl, Trial, usual_address

#: Sends at once in the check that two do not mix.
TOGETHER = 8
#: What nobody's webhook sends: empty, torn, of another type, not text.
GARBAGE = (
    Request("POST", "/x", {}, b""),
    Request("POST", "/x", {"content-type": "application/json"}, b'{"token": '),
    Request("POST", "/x", {"content-type": "application/json"}, b"[[null, 1e999]]"),
    Request("POST", "/x", {"content-type": "application/x-www-form-urlencoded"}, b"%%%&=&a=b&a"),
    Request("POST", "/x", {"content-type": "message/rfc822"}, b"\xff\xfe\x00\x00From: nobody"),
    Request("GET", "/x?token=\ud800", {}, bytes(range(256))),
)


class ConformanceFailure(AssertionError):
    """A channel breaks a promise the house relies on."""


def require(holds: bool, otherwise: str) -> None:
    """Fail the check with a sentence that says what the channel did."""
    if not holds:
        raise ConformanceFailure(otherwise)


async def a_send_ends_in_a_receipt(case: Case) -> None:
    """An ordinary send returns a receipt with a reference, and the provider holds the attempt exactly once."""
    async with case.channel() as channel:
        require(channel.kind in ("phone", "sms", "email"), f"kind is {channel.kind!r}: it must be phone, sms or email")
        trial = case.trial(channel.kind)
        receipt = await case.send(channel, trial)
        require(isinstance(receipt, Receipt), f"an ordinary send ended in {receipt!r} instead of a receipt")
        assert isinstance(receipt, Receipt)  # noqa: S101 - for the type checker
        require(bool(receipt.ref), "the receipt has no `ref`: callbacks and people cannot find the way home")
        require(
            receipt.outcome is not None or channel.kind == "phone",
            "only a phone call may end without an outcome; SMS and e-mail steps end at acceptance (`Outcome.sent`)",
        )
        held = case.held(trial)
        require(held in (None, [trial.message.to]), f"the provider holds {held} for one send to {trial.message.to}")
        await _never_absent(case, channel, trial, "after a receipt")


async def a_refusal_accepted_nothing(case: Case) -> None:
    """`Unavailable`, `Rejected` and `NeedsHuman` are raised only when the provider holds nothing."""
    for fault in case.plays(Fault.refuse, Fault.refuse_dead, Fault.unavailable):
        async with case.channel(fault) as channel:
            trial = case.trial(channel.kind)
            ended = await case.send(channel, trial)
            expected = Unavailable if fault == Fault.unavailable else Rejected
            require(isinstance(ended, expected), f"under {fault}, send ended in {ended!r}, not in {expected.__name__}")
            require(not case.held(trial), f"under {fault}, send raised {ended!r}, yet the provider holds the attempt")
            if isinstance(ended, Rejected):
                dead = fault == Fault.refuse_dead
                require(ended.dead == dead, f"under {fault}, Rejected says dead={ended.dead}; it should be {dead}")


async def doubt_is_left_open(case: Case) -> None:
    """When the provider accepted and the answer was lost, send claims nothing, and a look-up never denies it."""
    for fault in case.plays(Fault.accept_then_error, Fault.accept_then_hang):
        async with case.channel(fault) as channel:
            trial = case.trial(channel.kind)
            ended = await case.send(channel, trial)
            require(
                not isinstance(ended, PluginError),
                f"under {fault}, send raised {ended!r}: that asserts the provider accepted nothing, and it did",
            )
            require(not isinstance(ended, Receipt), f"under {fault}, send made up a receipt: {ended!r}")
            held = case.held(trial)
            require(held == [trial.message.to], f"under {fault}, the provider holds {held}: was it sent again?")
            await _never_absent(case, channel, trial, f"after {fault}")
        async with case.channel() as channel:  # as after a crash: a channel that has forgotten everything
            await _never_absent(case, channel, trial, f"after {fault} and a restart")


async def a_hang_is_not_found(case: Case) -> None:
    """A send the provider never accepted is never looked up as `Found`, and ends when it is cancelled."""
    for fault in case.plays(Fault.hang):
        async with case.channel(fault) as channel:
            trial = case.trial(channel.kind)
            ended = await case.send(channel, trial)
            require(not isinstance(ended, Receipt), f"the provider hung, and send made up a receipt: {ended!r}")
        async with case.channel() as channel:
            answer = await case.lookup(channel, trial)
            require(not isinstance(answer, Found), f"the provider holds nothing, and the look-up says {answer!r}")


async def strangers_are_not_found(case: Case) -> None:
    """A look-up of an attempt nobody sent is `Absent` or `CannotTell`, and there is nothing to cancel."""
    async with case.channel() as channel:
        trial = case.trial(channel.kind)
        answer = await case.lookup(channel, trial)
        require(isinstance(answer, Absent | CannotTell), f"the look-up of an attempt nobody sent says {answer!r}")
        cancelled = await channel.cancel(trial.attempt)
        require(cancelled is False, f"cancelling an attempt nobody sent says {cancelled!r}; it must say False")


async def garbage_is_not_a_crash(case: Case) -> None:
    """`parse_webhook` turns nonsense into nothing, a `ValueError`, or `Forged`."""
    async with case.channel() as channel:
        for request in GARBAGE:
            try:
                said: Sequence[Inbound] = channel.parse_webhook(request)
            except (ValueError, Forged):
                continue
            except Exception as why:
                raise ConformanceFailure(f"parse_webhook crashed on {request.body!r}: {why!r}") from why
            require(len(said) == 0, f"parse_webhook read {said!r} out of {request.body!r}")


async def a_check_says_findings(case: Case) -> None:
    """`check` returns findings, each with words, and a way to mend it when something is wrong."""
    async with case.channel() as channel:
        findings = await channel.check()
        require(bool(findings), "check returned nothing: an operator learns nothing from it")
        for finding in findings:
            require(isinstance(finding, Finding) and bool(finding.what), f"check returned {finding!r}")
            require(finding.ok or bool(finding.fix), f"{finding.what!r} is wrong, and nothing says how to mend it")


async def a_send_can_be_cancelled(case: Case) -> None:
    """A cancelled send ends promptly, and whatever it raises instead of `Cancelled` is true."""
    faults: list[Fault | None] = [*case.plays(Fault.hang, Fault.accept_then_hang)]
    for fault in faults or [None]:
        async with case.channel(fault) as channel:
            trial = case.trial(channel.kind)
            patience = case.patience if fault else 0.0
            began = trio.current_time()
            ended = await case.send(channel, trial, patience)
            took = trio.current_time() - began - patience
            require(took <= case.promptly, f"a cancelled send went on for {took:.1f} s before it ended in {ended!r}")
            denied = isinstance(ended, PluginError) and bool(case.held(trial))
            require(not denied, f"a cancelled send raised {ended!r}, yet the provider holds the attempt")


async def sends_do_not_mix(case: Case) -> None:
    """Sends at the same time reach their own people, with their own references."""
    async with case.channel() as channel:
        batch = [case.trial(channel.kind) for _ in range(TOGETHER)]
        ended: dict[str, Receipt | Exception | None] = {}

        async def send(one: Trial) -> None:
            ended[one.token] = await case.send(channel, one)

        async with trio.open_nursery() as nursery:
            for one in batch:
                nursery.start_soon(send, one)
        refs = {said.ref for said in ended.values() if isinstance(said, Receipt)}
        require(len(refs) == TOGETHER, f"{TOGETHER} sends at once gave {len(refs)} different references: {ended!r}")
        for one in batch:
            held = case.held(one)
            require(held in (None, [one.message.to]), f"sent to {one.message.to}; the provider holds {held}")
            answer = await case.lookup(channel, one)
            said = ended[one.token]
            if isinstance(answer, Found) and isinstance(said, Receipt):
                require(answer.receipt.ref == said.ref, f"the look-up found {answer.receipt.ref}, not {said.ref}")


async def what_comes_back_has_an_address(case: Case) -> None:
    """`listen` delivers `Inbound`s that can be traced to an attempt or a person, and ends when cancelled."""
    came: list[Inbound] = []

    async def deliver(inbound: Inbound) -> None:
        came.append(inbound)

    async with case.channel() as channel:
        await case.send(channel, case.trial(channel.kind))
        began = trio.current_time()
        with trio.move_on_after(case.patience):
            await channel.listen(deliver)
        took = trio.current_time() - began - case.patience
        require(took <= case.promptly, f"a cancelled listen went on for {took:.1f} s")
        for inbound in came:
            named = isinstance(inbound, Inbound) and (inbound.token or inbound.ref or inbound.address)
            require(bool(named), f"listen delivered {inbound!r}, which speaks of nobody")


async def _never_absent(case: Case, channel: Channel, trial: Trial, when: str) -> None:
    answer = await case.lookup(channel, trial)
    require(
        isinstance(answer, Found | CannotTell) or (isinstance(answer, Absent) and not channel.lookup_is_final),
        f"{when}, the look-up of what the provider holds says {answer!r}; a final `Absent` would send it twice",
    )


Check = Callable[[Case], Awaitable[None]]

#: Every promise, in the order in which a plugin's author meets them.
CHECKS: tuple[Check, ...] = (
    a_send_ends_in_a_receipt,
    a_refusal_accepted_nothing,
    doubt_is_left_open,
    a_hang_is_not_found,
    strangers_are_not_found,
    garbage_is_not_a_crash,
    a_check_says_findings,
    a_send_can_be_cancelled,
    sends_do_not_mix,
    what_comes_back_has_an_address,
)


async def exercise_channel(
    make: Callable[[Tools], Channel],
    *,
    tools: Tools,
    provider: ProviderControl | None = None,
    patience: float = 1.0,
    promptly: float = 1.0,
    address: Callable[[Kind, int], str] | None = None,
    checks: Sequence[Check] = CHECKS,
) -> None:
    """Hold a channel to every promise; raises `ConformanceFailure` naming all that are broken.

    `make` builds a fresh channel. A send that hangs is cancelled after `patience` seconds of Trio's clock and must
    end within `promptly` more. `address(kind, number)` gives the number-th person to write to, where the default
    (`person1@example.com`, `+14155550001`) will not do.
    """
    case = Case(make, tools, provider, patience, promptly, address or usual_address)
    broken: list[str] = []
    causes: list[Exception] = []
    for check in checks:
        try:
            await check(case)
        except Exception as why:  # noqa: BLE001 - one broken promise must not hide the others
            words = str(why) if isinstance(why, ConformanceFailure) else f"crashed with {why!r}"
            broken.append(f"  {check.__name__}: {words}")
            causes.append(why)
    if broken:
        heading = f"{len(broken)} of {len(checks)} promises are broken"
        raise ConformanceFailure("\n".join([heading, *broken])) from ExceptionGroup(heading, causes)
