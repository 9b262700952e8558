"""The manifest of the Slack app: what `fluentsd slack manifest` prints and an admin pastes at api.slack.com/apps.

`SCOPES` and `EVENTS` are what the front uses; `check` compares them with what the installed app has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Scopes of the bot, and what each is for.
SCOPES: Mapping[str, str] = {
    "commands": "the slash command",
    "chat:write": "cards, threads and answers",
    "app_mentions:read": "commands by mention, also in threads",
    "im:history": "commands in a direct message",
    "im:write": "answers in a direct message",
    "users:read": "names, time zones, guests",
    "usergroups:read": "roles by user group",
    "channels:read": "whether the app is in the channel of the cards",
    "groups:read": "the same for a private channel",
    "files:read": "lists of contacts that people upload",
    "files:write": "the people of a campaign as a file, and rows of a list that were not taken",
}
#: Events of the bot.
EVENTS = (
    "app_home_opened", "app_mention", "message.im", "subteam_members_changed", "subteam_updated", "user_change",
    "app_uninstalled", "tokens_revoked",
)  # fmt: skip


def manifest(command: str = "/campaign", name: str = "Fluents") -> dict[str, Any]:
    """The manifest as JSON values."""
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {"name": name, "description": "Run outbound campaigns from Slack"},
        "features": {
            "app_home": {
                "home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name.lower(), "always_online": True},
            "shortcuts": [
                {"name": "New campaign", "type": "global", "callback_id": "new_campaign",
                 "description": "Create a campaign, page by page"},
                {"name": "Campaigns", "type": "message", "callback_id": "overview",
                 "description": "What is active, comes next and needs attention"},
            ],
            "slash_commands": [
                {
                    "command": command,
                    "description": "Start, pause, schedule, check campaigns",
                    "usage_hint": "new | status | start <name> | pause <name> | help",
                    "should_escape": True,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }  # fmt: skip
