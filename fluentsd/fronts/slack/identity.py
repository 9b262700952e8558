"""Who the app is in its workspace, as `auth.test` says. Filled when the front reaches Slack first, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Identity:
    """Ids of the workspace, the organisation, and the app's bot; "" until Slack has answered."""

    team: str = ""
    enterprise: str = ""
    bot_user: str = ""
    bot: str = ""
    url: str = ""

    def fill(self, answer: Mapping[str, Any]) -> None:
        """Take what `auth.test` answered."""
        self.team, self.enterprise = str(answer.get("team_id") or ""), str(answer.get("enterprise_id") or "")
        self.bot_user, self.bot = str(answer.get("user_id") or ""), str(answer.get("bot_id") or "")
        self.url = str(answer.get("url") or "")
