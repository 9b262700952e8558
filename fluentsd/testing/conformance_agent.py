"""The promises of `fluentsd.api.AgentProvider`, each as one check."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fluentsd.api import (
    AgentProvider,
    Attempt,
    Conversation,
    Forged,
    Found,
    Message,
    NeedsHuman,
    Rejected,
    Tools,
    Unavailable,
)
from fluentsd.api.contract import check as compare
from fluentsd.testing.conformance import GARBAGE
from fluentsd.testing.run_checks import ConformanceFailure, require, run_checks


@dataclass(frozen=True, slots=True)
class AgentCase:
    """One agent provider under test; `make` builds a fresh one. `to` is the number that is called."""

    make: Callable[[Tools], AgentProvider]
    tools: Tools
    to: str = "+14155550001"

    def attempt(self, begun: list[str] | None = None) -> Attempt:
        """A new attempt that notes its begin."""
        noted: list[str] = [] if begun is None else begun
        now = self.tools.clock.now()
        return Attempt(uuid.uuid4().hex, "phone", self.to, now, step="trial", begin=lambda: noted.append("begun"))

    async def message(self, provider: AgentProvider) -> Message:
        """A message to the first agent, with every variable that it requires."""
        agents = await provider.agents()
        require(bool(agents), "agents returned nothing; give the suite a provider with an agent")
        return Message("phone", self.to, agent=agents[0].id, variables=dict.fromkeys(agents[0].variables, "x"))


async def it_keeps_the_protocol(case: AgentCase) -> None:
    """Every method is there, async where the protocol's is, with its arguments."""
    mistakes = compare(case.make(case.tools), AgentProvider)
    require(not mistakes, "; ".join(mistakes))


async def a_check_returns_findings(case: AgentCase) -> None:
    """`check` returns findings, each with a fix when something is wrong."""
    findings = await case.make(case.tools).check()
    require(bool(findings), "check returned no findings")
    for finding in findings:
        require(finding.ok or bool(finding.fix), f"{finding.what!r} is wrong, and has no fix")


async def agents_have_their_own_ids(case: AgentCase) -> None:
    """Agents have ids, and no two have the same."""
    ids = [agent.id for agent in await case.make(case.tools).agents()]
    require(all(ids) and len(set(ids)) == len(ids), f"the agents are {ids}: empty or repeated ids")


async def a_start_begins_once_and_can_be_found(case: AgentCase) -> None:
    """`start` begins the attempt once and returns a reference; `find` and `fetch` know the conversation."""
    provider, begun = case.make(case.tools), list[str]()
    attempt = case.attempt(begun)
    receipt = await provider.start(await case.message(provider), attempt)
    require(bool(receipt.ref), "the receipt has no `ref`")
    require(len(begun) == 1, f"start called attempt.begin() {len(begun)} times instead of once")
    answer = await provider.find(attempt)
    require(isinstance(answer, Found) and answer.receipt.ref == receipt.ref, f"find of a started one: {answer!r}")
    conversation = await provider.fetch(receipt.ref)
    require(isinstance(conversation, Conversation) and conversation.ref == receipt.ref, f"fetch: {conversation!r}")


async def what_must_not_begin_is_not_started(case: AgentCase) -> None:
    """When `begin` raises, `start` raises the same and the provider holds nothing."""
    provider = case.make(case.tools)
    message, attempt = await case.message(provider), case.attempt()

    def refuse() -> None:
        raise Unavailable("it must not begin", 0.0, only_this=True)

    stopped = Attempt(attempt.token, "phone", attempt.to, attempt.claimed_at, begin=refuse)
    try:
        ended: object = await provider.start(message, stopped)
    except Unavailable as why:
        ended = why
    require(isinstance(ended, Unavailable), f"begin raised Unavailable, and start ended in {ended!r}")
    require(not isinstance(await provider.find(attempt), Found), "what must not begin was started all the same")


async def an_unknown_agent_is_refused(case: AgentCase) -> None:
    """An unknown agent is refused before the attempt begins."""
    provider, begun = case.make(case.tools), list[str]()
    try:
        ended: object = await provider.start(Message("phone", case.to, agent="no such agent"), case.attempt(begun))
    except (Rejected, NeedsHuman):
        ended = None
    require(ended is None, f"an unknown agent was started: {ended!r}")
    require(not begun, "an unknown agent was refused after the attempt began")


async def nothing_is_known_of_what_was_not_started(case: AgentCase) -> None:
    """What was not started is not found, cannot be cancelled, and is a LookupError to `fetch`."""
    provider, attempt = case.make(case.tools), case.attempt()
    require(not isinstance(await provider.find(attempt), Found), "an attempt that was never started was found")
    require(await provider.cancel(attempt) is False, "an attempt that was never started was cancelled")
    try:
        answer = await provider.fetch("no such conversation")
    except LookupError:
        return
    require(False, f"fetch of an unknown conversation returned {answer!r} instead of raising LookupError")


async def garbage_is_not_a_crash(case: AgentCase) -> None:
    """`webhook` answers invalid requests with no events, a `ValueError`, or `Forged`."""
    provider = case.make(case.tools)
    for request in GARBAGE:
        try:
            found = provider.webhook(request)
        except (ValueError, Forged):
            continue
        except Exception as why:
            raise ConformanceFailure(f"webhook crashed on {request.body!r}: {why!r}") from why
        require(not found.inbounds and not found.pickup, f"webhook read {found!r} out of {request.body!r}")


AgentCheck = Callable[[AgentCase], Awaitable[None]]

#: Every promise of an agent provider.
AGENT_CHECKS: tuple[AgentCheck, ...] = (
    it_keeps_the_protocol,
    a_check_returns_findings,
    agents_have_their_own_ids,
    a_start_begins_once_and_can_be_found,
    what_must_not_begin_is_not_started,
    an_unknown_agent_is_refused,
    nothing_is_known_of_what_was_not_started,
    garbage_is_not_a_crash,
)


async def exercise_agent_provider(
    make: Callable[[Tools], AgentProvider],
    *,
    tools: Tools,
    to: str = "+14155550001",
    checks: Sequence[AgentCheck] = AGENT_CHECKS,
) -> None:
    """Check every promise of an agent provider that has an agent; raises `ConformanceFailure` with all broken ones.

    `make` builds a fresh provider; `to` is the number that is called.
    """
    await run_checks(AgentCase(make, tools, to), checks)
