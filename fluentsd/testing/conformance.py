"""The promises of `fluentsd.api.Channel`, each as one check that any channel plugin can run in its own tests.

A check is a named async function of a `Case`; its first docstring line is the promise. `exercise_channel` runs them
all and reports every broken promise at once. Without a `ProviderControl`, checks of the provider's own data (which
attempts did it accept?) do less; a production plugin should provide one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import trio

from fluentsd.api import (
    Absent,
    BeginsAttempts,
    CannotTell,
    Channel,
    Finding,
    Forged,
    Found,
    Inbound,
    Kind,
    PluginError,
    Receipt,
    ReceivesWebhooks,
    Rejected,
    Request,
    Tools,
    Unavailable,
    WebhookResult,
)
from fluentsd.testing.conformance_abilities import (
    a_call_ends_with_its_socket,
    a_price_is_an_amount,
    a_refused_call_is_ended,
    abilities_are_whole,
)
from fluentsd.testing.run_checks import ConformanceFailure, require, run_checks
from fluentsd.testing.trial import Case, Fault, ProviderControl, Trial, usual_address

#: Concurrent sends in `sends_do_not_mix`.
TOGETHER = 8
#: Invalid webhook requests: empty, cut off, of another type, not text.
GARBAGE = (
    Request("POST", "/x", {}, b""),
    Request("POST", "/x", {"content-type": "application/json"}, b'{"token": '),
    Request("POST", "/x", {"content-type": "application/json"}, b"[[null, 1e999]]"),
    Request("POST", "/x", {"content-type": "application/x-www-form-urlencoded"}, b"%%%&=&a=b&a"),
    Request("POST", "/x", {"content-type": "message/rfc822"}, b"\xff\xfe\x00\x00From: nobody"),
    Request("GET", "/x?token=\ud800", {}, bytes(range(256))),
)


async def a_send_ends_in_a_receipt(case: Case) -> None:
    """An ordinary send returns a receipt with a reference, and the provider holds the attempt exactly once."""
    async with case.channel() as channel:
        require(channel.kind in ("phone", "sms", "email"), f"kind is {channel.kind!r}: it must be phone, sms or email")
        trial = case.trial(channel.kind)
        receipt = await case.send(channel, trial)
        require(isinstance(receipt, Receipt), f"an ordinary send ended in {receipt!r} instead of a receipt")
        assert isinstance(receipt, Receipt)  # noqa: S101 - for the type checker
        require(bool(receipt.ref), "the receipt has no `ref`: callbacks and people cannot find the attempt")
        require(
            receipt.outcome is not None or channel.kind == "phone",
            "only a phone call may end without an outcome; SMS and e-mail steps end at acceptance (`Outcome.sent`)",
        )
        held = case.held(trial)
        require(held in (None, [trial.message.to]), f"the provider holds {held} for one send to {trial.message.to}")
        await _never_absent(case, channel, trial, "after a receipt")


async def begin_is_called_once_before_the_request(case: Case) -> None:
    """A channel with `calls_begin` calls `attempt.begin()` once, and sends nothing when `begin` raises."""
    async with case.channel() as channel:
        if not isinstance(channel, BeginsAttempts) or not channel.calls_begin:
            return
        trial, begun = case.trial(channel.kind), list[str]()
        noting = replace(trial, attempt=replace(trial.attempt, begin=lambda: begun.append("begun")))
        await case.send(channel, noting)
        require(len(begun) == 1, f"send called attempt.begin() {len(begun)} times instead of once")
        stopped = case.trial(channel.kind)
        refusing = replace(stopped, attempt=replace(stopped.attempt, begin=_refuse))
        ended = await case.send(channel, refusing)
        require(isinstance(ended, Unavailable), f"begin raised Unavailable, and send ended in {ended!r}")
        require(not case.held(stopped), "begin raised Unavailable, and yet the provider holds the attempt")


def _refuse() -> None:
    raise Unavailable("it must not begin", 0.0, only_this=True)


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


async def an_uncertain_send_stays_open(case: Case) -> None:
    """When the provider accepted and its answer was lost, send asserts nothing, and a look-up is never `Absent`."""
    for fault in case.plays(Fault.accept_then_error, Fault.accept_then_hang):
        async with case.channel(fault) as channel:
            trial = case.trial(channel.kind)
            ended = await case.send(channel, trial)
            require(
                not isinstance(ended, PluginError),
                f"under {fault}, send raised {ended!r}: that asserts the provider accepted nothing, and it did",
            )
            require(not isinstance(ended, Receipt), f"under {fault}, send returned a false receipt: {ended!r}")
            held = case.held(trial)
            require(held == [trial.message.to], f"under {fault}, the provider holds {held}: was it sent again?")
            await _never_absent(case, channel, trial, f"after {fault}")
        async with case.channel() as channel:  # as after a crash: a new channel without memory
            await _never_absent(case, channel, trial, f"after {fault} and a restart")


async def a_hang_is_not_found(case: Case) -> None:
    """A look-up of a send that the provider never accepted is never `Found`; the send ends when it is cancelled."""
    for fault in case.plays(Fault.hang):
        async with case.channel(fault) as channel:
            trial = case.trial(channel.kind)
            ended = await case.send(channel, trial)
            require(not isinstance(ended, Receipt), f"the provider hung, and send returned a false receipt: {ended!r}")
        async with case.channel() as channel:
            answer = await case.lookup(channel, trial)
            require(not isinstance(answer, Found), f"the provider holds nothing, but the look-up returned {answer!r}")


async def unsent_attempts_are_not_found(case: Case) -> None:
    """A look-up of an attempt that was never sent is `Absent` or `CannotTell`, and there is nothing to cancel."""
    async with case.channel() as channel:
        trial = case.trial(channel.kind)
        answer = await case.lookup(channel, trial)
        require(isinstance(answer, Absent | CannotTell), f"the look-up of an unsent attempt returned {answer!r}")
        cancelled = await channel.cancel(trial.attempt)
        require(cancelled is False, f"cancel of an unsent attempt returned {cancelled!r}; it must return False")


async def garbage_is_not_a_crash(case: Case) -> None:
    """`webhook` answers invalid requests with no events, a `ValueError`, or `Forged`."""
    async with case.channel() as channel:
        if not isinstance(channel, ReceivesWebhooks):
            return
        for request in GARBAGE:
            try:
                found = channel.webhook(request)
            except (ValueError, Forged):
                continue
            except Exception as why:
                raise ConformanceFailure(f"webhook crashed on {request.body!r}: {why!r}") from why
            require(isinstance(found, WebhookResult), f"webhook returned {found!r} instead of a WebhookResult")
            require(not found.inbounds and not found.pickup, f"webhook read {found!r} out of {request.body!r}")


async def a_check_returns_findings(case: Case) -> None:
    """`check` returns findings, each with a text, and with a fix when something is wrong."""
    async with case.channel() as channel:
        findings = await channel.check()
        require(bool(findings), "check returned no findings")
        for finding in findings:
            require(isinstance(finding, Finding) and bool(finding.what), f"check returned {finding!r}")
            require(finding.ok or bool(finding.fix), f"{finding.what!r} is wrong, and has no fix")


async def a_send_can_be_cancelled(case: Case) -> None:
    """A cancelled send ends promptly, and an error that it raises instead of `Cancelled` is true."""
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
    """Concurrent sends reach the right people, with different references."""
    async with case.channel() as channel:
        batch = [case.trial(channel.kind) for _ in range(TOGETHER)]
        ended: dict[str, Receipt | Exception | None] = {}

        async def send(one: Trial) -> None:
            ended[one.token] = await case.send(channel, one)

        async with trio.open_nursery() as nursery:
            for one in batch:
                nursery.start_soon(send, one)
        refs = {receipt.ref for receipt in ended.values() if isinstance(receipt, Receipt)}
        require(len(refs) == TOGETHER, f"{TOGETHER} sends at once gave {len(refs)} different references: {ended!r}")
        for one in batch:
            held = case.held(one)
            require(held in (None, [one.message.to]), f"sent to {one.message.to}; the provider holds {held}")
            answer = await case.lookup(channel, one)
            sent = ended[one.token]
            if isinstance(answer, Found) and isinstance(sent, Receipt):
                require(answer.receipt.ref == sent.ref, f"the look-up found {answer.receipt.ref}, not {sent.ref}")


async def inbound_events_have_an_address(case: Case) -> None:
    """`listen` delivers `Inbound`s that belong to an attempt or a person, and ends when cancelled."""
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
            require(bool(named), f"listen delivered {inbound!r}, which has no token, ref or address")


async def _never_absent(case: Case, channel: Channel, trial: Trial, when: str) -> None:
    answer = await case.lookup(channel, trial)
    require(
        isinstance(answer, Found | CannotTell) or (isinstance(answer, Absent) and not channel.lookup_is_final),
        f"{when}, the look-up returned {answer!r}, but the provider holds the attempt; a final `Absent` sends it twice",
    )


Check = Callable[[Case], Awaitable[None]]

#: Every promise, in the order in which a plugin author meets them.
CHECKS: tuple[Check, ...] = (
    a_send_ends_in_a_receipt,
    begin_is_called_once_before_the_request,
    a_refusal_accepted_nothing,
    an_uncertain_send_stays_open,
    a_hang_is_not_found,
    unsent_attempts_are_not_found,
    garbage_is_not_a_crash,
    a_check_returns_findings,
    a_send_can_be_cancelled,
    sends_do_not_mix,
    inbound_events_have_an_address,
    abilities_are_whole,
    a_price_is_an_amount,
    a_refused_call_is_ended,
    a_call_ends_with_its_socket,
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
    """Check every promise of a channel; raises `ConformanceFailure` with all broken ones.

    `make` builds a fresh channel. A send that hangs is cancelled after `patience` seconds of Trio's clock and must
    end within `promptly` more. `address(kind, number)` gives the address of the number-th person, instead of the
    default (`person1@example.com`, `+14155550001`).
    """
    case = Case(make, tools, provider, patience, promptly, address or usual_address)
    await run_checks(case, checks)
