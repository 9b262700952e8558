"""The checks of `fluentsd slack check`: tokens, scopes, channel, user groups, users, clock; each problem with its fix.

Nothing is posted and no connection is opened. What must not live here: the front itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from email.utils import parsedate_to_datetime

from fluentsd.api import Finding, Unavailable
from fluentsd.config import SlackSettings
from fluentsd.fronts.slack.manifest import SCOPES
from fluentsd.fronts.slack.people import name_of
from fluentsd.fronts.slack.web_api import SlackRefused, WebApi

#: Seconds by which this machine's clock may differ from Slack's.
SKEW = 60
_APP_PAGE = "at api.slack.com/apps"


async def look(settings: SlackSettings, api: WebApi, now: int) -> list[Finding]:
    """Every finding, in the order in which to fix them. `now`: epoch microseconds."""
    try:
        answer, headers = await api.call_with_headers("auth.test")
    except Unavailable as why:
        return [Finding(False, f"slack: {why}", "check the network and [slack] api_url; campaigns run without Slack")]
    except SlackRefused as why:
        fix = f"copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions {_APP_PAGE} into [slack] bot_token"
        return [Finding(False, f"slack: the bot token is refused ({why.error})", fix)]
    found = [Finding(True, f"slack: {answer.get('user')} in {answer.get('team')}")]
    found += _scopes(headers)
    found += _clock(headers, now)
    found.append(await _app_token(api))
    found += [one async for one in _channel(settings, api)]
    found += [one async for one in _roles(settings, api)]
    return found


def _scopes(headers: Mapping[str, str]) -> list[Finding]:
    have = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")}
    missing = [scope for scope in SCOPES if scope not in have]
    if not missing:
        return [Finding(True, "slack: all scopes")]
    fix = (
        f"add it under OAuth & Permissions {_APP_PAGE}, or paste `fluentsd slack manifest`; then install the app again"
    )
    return [Finding(False, f"slack: the scope {scope} is missing ({SCOPES[scope]})", fix) for scope in missing]


def _is_said(why: Exception) -> bool:
    """Whether a refusal comes of a missing scope, which has a finding of its own."""
    return isinstance(why, SlackRefused) and bool(why.lacks)


def _clock(headers: Mapping[str, str], now: int) -> list[Finding]:
    try:
        theirs = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return []
    skew = now / 1_000_000 - theirs
    if abs(skew) <= SKEW:
        return [Finding(True, "slack: the clocks agree")]
    return [
        Finding(
            False,
            f"slack: this machine's clock is {skew:+.0f} s off Slack's",
            "switch NTP on: timedatectl set-ntp true",
        )
    ]


async def _app_token(api: WebApi) -> Finding:
    try:
        await api.open_socket()
    except (SlackRefused, Unavailable) as why:
        fix = (f"generate an app-level token (xapp-…) with the scope connections:write under Basic "
               f"Information {_APP_PAGE}, "
               "and switch Socket Mode on")  # fmt: skip
        return Finding(False, f"slack: the app-level token opens no connection ({why})", fix)
    return Finding(True, "slack: Socket Mode")


async def _channel(settings: SlackSettings, api: WebApi) -> AsyncIterator[Finding]:
    if settings.channel is None:
        yield Finding(
            False, "slack: no channel for cards and alerts", "set [slack] channel to the id of a channel (C…)"
        )
        return
    try:
        found = (await api.call("conversations.info", channel=settings.channel)).get("channel") or {}
    except (SlackRefused, Unavailable) as why:
        if _is_said(why):
            return
        fix = "correct [slack] channel: the id is at the bottom of the channel's details in Slack; invite the app to it"
        yield Finding(False, f"slack: the channel {settings.channel} cannot be read ({why})", fix)
        return
    name = f"#{found.get('name')}"
    if found.get("is_archived"):
        yield Finding(False, f"slack: {name} is archived", "set [slack] channel to another one")
    elif not found.get("is_member"):
        yield Finding(False, f"slack: the app is not in {name}", f"type /invite @the-app in {name}")
    else:
        yield Finding(True, f"slack: cards go to {name}")


async def _roles(settings: SlackSettings, api: WebApi) -> AsyncIterator[Finding]:
    named = {id_: role for role, ids in settings.roles.items() for id_ in ids}
    if not named:
        fix = 'name yourself in [slack.roles]: admin = ["U…"]; the id is in your Slack profile under Copy member ID'
        yield Finding(False, "slack: nobody has a role, so everybody is refused", fix)
    for id_, role in (named | dict.fromkeys(settings.approvers, "approvers")).items():
        try:
            if id_.startswith("S"):
                count = len((await api.call("usergroups.users.list", usergroup=id_)).get("users") or ())
                yield Finding(True, f"slack: {role} {id_}: {count} users")
                continue
            user = (await api.call("users.info", user=id_)).get("user") or {}
        except (SlackRefused, Unavailable) as why:
            if _is_said(why):
                continue
            yield Finding(False, f"slack: {role} {id_} cannot be read ({why})", f"correct the id in [slack] {role}")
            continue
        gone = user.get("deleted")
        fix = f"remove the id from [slack] {role}" if gone else ""
        yield Finding(not gone, f"slack: {role} {id_} is {name_of(user)}{', who is deactivated' if gone else ''}", fix)
