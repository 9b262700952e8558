"""Plans: campaigns compiled for the loops, with flows by version, live rules, exits and lanes.

A plan is built from the database inside the transaction that uses it and cached until the campaign's revision changes.
So a claim always follows the latest committed edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fluentsd.domain.breakers import STANDARD, Breaker
from fluentsd.domain.campaign import CampaignFile, contact_window
from fluentsd.domain.enrollment import Exits
from fluentsd.domain.flow import Flow, compile_flow
from fluentsd.domain.gate import Limit, Rules
from fluentsd.domain.render import template
from fluentsd.domain.state_machines import CampaignState
from fluentsd.domain.time.durations import Budget, Delay, Rate
from fluentsd.store import campaigns, spending
from fluentsd.store.db import Connection
from fluentsd.store.nodes import Writer


@dataclass(frozen=True, slots=True)
class Plan:
    """One campaign at one revision."""

    campaign_id: int
    ref: str
    name: str
    revision: int
    version_id: int
    spec: CampaignFile
    flows: Mapping[int, Flow]
    lanes: Mapping[str, int]
    rules: Rules
    exits: Exits
    pace: int  #: microseconds between two starts of a lane; 0 is no limit
    concurrency: int | None
    number_pace: Rate | None
    currency: str
    resumed_at: int  #: when the campaign last became active
    spacing: int = 0  #: microseconds between two uses of one caller ID, required by providers
    fresh_within: Mapping[int, int] = field(default_factory=dict)  #: `Plans.fresh_within`
    starts_with_few: bool = False  #: whether the claim counts people, to hold the campaign after the first ones

    def flow(self, version_id: int) -> Flow:
        return self.flows[version_id]

    def reads_outcomes(self, version_id: int) -> bool:
        """Whether a condition of this version reads the outcomes of earlier steps."""
        return self.rules.goal is not None or self.flows[version_id].has_conditions


class Plans:
    """The compiled plans, by campaign."""

    def __init__(
        self, limits: tuple[Limit, ...] = (), breakers: tuple[Breaker, ...] = STANDARD, spacing: int = 0
    ) -> None:
        self.limits = limits  #: limits across all campaigns
        self.breakers = breakers
        self.spacing = spacing  #: microseconds between two uses of one caller ID, required by providers
        self.writer = Writer("", 0)  #: this process's right to insert attempts; taken when the engine starts
        #: source → microseconds for which the opt-outs of its records count as read; filled by the sync
        self.fresh_within: dict[int, int] = {}
        self.pruned_on = 0  #: day on which old outcome counts were last deleted
        self._known: dict[int, Plan] = {}
        self._prices: dict[int, dict[str, int]] = {}

    def known(self, campaign_id: int, revision: int) -> Plan | None:
        """The cached plan of this revision, for estimates outside a transaction."""
        plan = self._known.get(campaign_id)
        return plan if plan is not None and plan.revision == revision else None

    def note_prices(self, plan: Plan, prices: Mapping[str, int]) -> None:
        """Remember what the latest message of each step costs, for the gate's next look at the budget."""
        if prices:
            self._prices.setdefault(plan.campaign_id, {}).update(prices)

    def with_prices(self, plan: Plan, rules: Rules) -> Rules:
        """The rules with the latest prices. Only a budget asks for them."""
        prices = self._prices.get(plan.campaign_id)
        return rules if rules.budget is None or not prices else replace(rules, prices=prices)

    async def current(self, conn: Connection, campaign_id: int, *, lock: bool = True) -> tuple[CampaignState, Plan]:
        """State and plan as of this transaction. The campaign row is share-locked where the database supports it, so a
        pause waits for a claim in progress or is seen by it. Reads pass `lock=False`."""
        state, revision = await campaigns.state_and_revision(conn, campaign_id, lock=lock)
        known = self._known.get(campaign_id)
        if known is None or known.revision != revision:
            known = self._known[campaign_id] = await self._build(conn, campaign_id)
        return state, known

    async def _build(self, conn: Connection, campaign_id: int) -> Plan:
        row = await campaigns.by_id(conn, campaign_id)
        versions = await campaigns.versions_of(conn, campaign_id)
        compiled_agents = await campaigns.compiled_agents_of(conn, versions.values())
        flows = {version_id: compile_flow(steps, compiled_agents) for version_id, steps in versions.items()}
        plan = build_plan(row, flows, await campaigns.lanes_of(conn, campaign_id), self.limits)
        return replace(plan, spacing=self.spacing, fresh_within=self.fresh_within)


def build_plan(
    row: campaigns.CampaignRow, flows: Mapping[int, Flow], lanes: Mapping[str, int], limits: tuple[Limit, ...] = ()
) -> Plan:
    """The plan of one campaign row."""
    spec = row.spec
    budget = Budget.parse(spec.limits.budget) if spec.limits.budget else None
    return Plan(
        campaign_id=row.id,
        ref=row.ref,
        name=row.name,
        revision=row.revision,
        version_id=row.version_id,
        spec=spec,
        flows=flows,
        lanes=lanes,
        rules=rules_of(spec, limits),
        exits=Exits(tuple(spec.exit.on), spec.exit.unreachable_after),
        pace=Rate.parse(spec.limits.pace).interval if spec.limits.pace else 0,
        concurrency=spec.limits.concurrency,
        number_pace=Rate.parse(spec.numbers.pace) if spec.numbers.pace else None,
        currency=budget.currency if budget else "USD",
        resumed_at=row.resumed_at or 0,
        starts_with_few=row.first_left is not None,
    )


def limits_of(per_contact: str | None, gap: str | None, whose: str) -> tuple[Limit, ...]:
    """Contact limits for one person: `per_contact` is a rate ("3/week"), `gap` the least time between two contacts."""
    limits = [Limit(Rate.parse(per_contact), f"{whose} {per_contact} per person")] if per_contact else []
    if gap and (length := Delay.parse(gap).seconds):
        limits.append(Limit(Rate(1, length), f"{whose} gap of {gap}"))
    return tuple(limits)


def rules_of(spec: CampaignFile, shared: tuple[Limit, ...] = ()) -> Rules:
    """The live rules of a campaign file, without today's spending; `shared` limits count across all campaigns."""
    window = spec.window
    return Rules(
        window=contact_window(window),
        fixed_zone=None if window.timezone == "contact" else window.timezone,
        fallback_zone=window.fallback_timezone if window.unknown_timezone == "fallback" else None,
        limits=(*limits_of(spec.limits.per_contact, spec.limits.gap, "the campaign's"), *shared),
        budget=Budget.parse(spec.limits.budget).micros if spec.limits.budget else None,
        day_zone=spec.zone,
        cost={channel: round(amount * 1_000_000) for channel, amount in spec.limits.cost.items()},
        chooses_number=bool(spec.numbers.numbers or spec.numbers.tags),
        hold_conflicts=window.conflicting_timezone == "hold",
        purpose=spec.law.purpose,
        waived=frozenset(waiver.rule for waiver in spec.law.waive),
        goal=template(spec.exit.goal, "condition") if spec.exit.goal else None,
    )


async def with_spending(conn: Connection, plan: Plan, at: int) -> Rules:
    """The rules with today's spending, which is read only when the campaign has a budget."""
    if plan.rules.budget is None:
        return plan.rules
    spent = await spending.on_day(conn, plan.campaign_id, plan.currency, plan.rules.day(at))
    return replace(plan.rules, spent=spent)
