"""The Slack front as a whole: composes its parts, and runs them until it is cancelled."""

from __future__ import annotations

from typing import Any

import trio

from fluentsd.api import Unavailable
from fluentsd.config import SlackSettings
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.guard import guarded
from fluentsd.fronts.slack.cards import Cards
from fluentsd.fronts.slack.digest import post_daily
from fluentsd.fronts.slack.identity import Identity
from fluentsd.fronts.slack.jobs import Jobs
from fluentsd.fronts.slack.listener import Listener
from fluentsd.fronts.slack.native_blocks import Natives
from fluentsd.fronts.slack.people import People
from fluentsd.fronts.slack.router import Router
from fluentsd.fronts.slack.routes import Routes
from fluentsd.fronts.slack.session import Services
from fluentsd.fronts.slack.transport import SocketMode, Timing
from fluentsd.fronts.slack.web_api import SlackRefused, WebApi
from fluentsd.fronts.slack.wizard.memory import Memory
from fluentsd.verbs.approval import SecondApproval

#: Seconds until `auth.test` is tried again while Slack does not answer.
AGAIN = 30.0


class SlackFront:
    """Campaigns from Slack. One per daemon."""

    def __init__(self, runtime: Runtime, settings: SlackSettings, log: Any, timing: Timing | None = None) -> None:
        api, identity, jobs = WebApi(settings, log, runtime.clock.busy), Identity(), Jobs(log)
        people = People(api, settings.roles, log)
        self._services = Services(
            runtime, settings, api, identity, people, jobs, Memory(jobs), Routes(runtime, settings), Natives(log), log
        )
        listener = Listener(api, identity, Router(self._services).handle, log)
        self.socket = SocketMode(api.open_socket, listener.answer, log, timing or Timing())
        self.api, self._problem = api, ""
        self.target = Cards(self._services, self._services.routes)  #: of the outbox
        runtime.fronts["slack"] = self.health
        if settings.second_approver_above is not None:
            approvers = tuple(f"slack:{user}" for user in settings.approvers)
            runtime.approval = SecondApproval(settings.second_approver_above, approvers)

    async def serve(self) -> None:
        """Serve until cancelled, behind a guard: a failure restarts this front and reaches no other part."""
        await guarded("slack", self.run, self._services.log, self._note)

    def _note(self, problem: str) -> None:
        self._problem = problem

    async def run(self) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._services.jobs.run)
            nursery.start_soon(self._identify)
            nursery.start_soon(self.socket.run)
            nursery.start_soon(self.target.keep_current)
            nursery.start_soon(post_daily, self._services, self.target.overview)

    async def _identify(self) -> None:
        """Learn who the app is. Until then it works all the same."""
        while not self._services.identity.team:
            try:
                self._services.identity.fill(await self.api.call("auth.test"))
            except Unavailable:
                await trio.sleep(AGAIN)
            except SlackRefused as why:
                self._services.log.error(
                    "slack.refused", error=why.error, method=why.method, fix="`fluentsd slack check`"
                )
                await trio.sleep(10 * AGAIN)

    def health(self) -> str:
        """The problem for /healthz; "" when there is none."""
        return self._problem or self.socket.health()
