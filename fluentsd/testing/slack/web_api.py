"""The Web API of the fake workspace, with response_urls, files and uploads, and the faults that a test puts in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.testing.slack.http import Request, Response
from fluentsd.testing.slack.state import APP_TOKEN, BOT_TOKEN, TEAM, State

#: Views on top of each other.
VIEWS_AT_MOST = 3
#: The scope that a method needs; a method that is not named needs none.
_NEEDS: Mapping[str, str] = {
    "users.info": "users:read", "usergroups.list": "usergroups:read", "usergroups.users.list": "usergroups:read",
    "conversations.info": "channels:read", "conversations.open": "im:write", "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write", "chat.update": "chat:write", "files.info": "files:read",
    "files.getUploadURLExternal": "files:write", "files.completeUploadExternal": "files:write",
}  # fmt: skip


class WebApi(State):
    """Answers requests as Slack does; a method `a.b` is answered by `_a_b`."""

    def fail(self, method: str, error: str = "", *, status: int = 200, retry_after: int = 0, times: int = 1) -> None:
        """Let the next calls of a method fail: with an error, a status, or 429 with Retry-After."""
        body = {"ok": False, "error": error or "ratelimited"}
        response = Response(
            body, 429 if retry_after else status, {"Retry-After": str(retry_after)} if retry_after else {}
        )
        self._faults[method] += [response] * times

    async def _answer(self, request: Request) -> Response | None:
        if self.is_away:
            return None
        if request.path.startswith("/hook/"):
            return self._respond(request)
        if request.path.startswith("/files/"):
            return self._file(request)
        if request.path.startswith("/upload/"):
            return self._uploaded(request)
        method = request.path.partition("?")[0].removeprefix("/api/")
        self.calls[method] += 1
        if self._faults[method]:
            return self._faults[method].pop(0)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token != (APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN):
            return Response({"ok": False, "error": "invalid_auth"})
        handler = getattr(self, "_" + method.replace(".", "_"), None)
        if handler is None:
            return Response({"ok": False, "error": "unknown_method"})
        needed = _NEEDS.get(method, "")
        if needed and not self._has(needed):
            refused = {"ok": False, "error": "missing_scope", "needed": needed, "provided": self.scopes}
            return Response(refused, headers={"x-oauth-scopes": self.scopes})
        try:
            found = handler(request.arguments)
        except KeyError:  # an argument is missing
            found = "invalid_arguments"
        self.changed()
        found = {"ok": False, "error": found} if isinstance(found, str) else {"ok": True, **found}
        return Response(found, headers={"x-oauth-scopes": self.scopes, "x-accepted-oauth-scopes": ""})

    def _has(self, scope: str) -> bool:
        return scope in self.scopes.split(",")

    def _apps_connections_open(self, _: Any) -> Any:
        return {"url": f"{self._socket_address}/link/?ticket={next(self._numbers)}"}

    def _auth_test(self, _: Any) -> Any:
        return {
            "url": "https://acme.slack.com/",
            "team": "Acme",
            "user": "fluents",
            "team_id": TEAM,
            "user_id": "UBOT",
            "bot_id": "B1",
        }

    def _users_info(self, args: Any) -> Any:
        return {"user": self.users[args["user"]]} if args["user"] in self.users else "user_not_found"

    def _usergroups_users_list(self, args: Any) -> Any:
        return {"users": self.groups[args["usergroup"]]} if args["usergroup"] in self.groups else "no_such_subteam"

    def _usergroups_list(self, _: Any) -> Any:
        return {"usergroups": [{"id": id_, "handle": id_.lower()} for id_ in self.groups]}

    def _conversations_info(self, args: Any) -> Any:
        id_ = args["channel"]
        return (
            {"channel": {"id": id_, "name": "sales", "is_member": self.channels[id_]}}
            if id_ in self.channels
            else "channel_not_found"
        )

    def _chat_postMessage(self, args: Any) -> Any:
        channel = args["channel"]
        if channel in self.users:
            channel = f"D{channel}"
        elif channel.startswith("D"):
            pass
        elif channel not in self.channels:
            return "channel_not_found"
        elif not self.channels[channel]:
            return "not_in_channel"
        if wrong := self.check(args, "message"):
            return wrong
        shown = self.show(channel, args, "", args.get("thread_ts", ""))
        return {"channel": channel, "ts": shown.ts, "message": {"ts": shown.ts, "text": shown.text}}

    def _chat_postEphemeral(self, args: Any) -> Any:
        if wrong := self.check(args, "message"):
            return wrong
        return {"message_ts": self.show(args["channel"], args, args["user"], args.get("thread_ts", "")).ts}

    def _chat_update(self, args: Any) -> Any:
        shown = self.messages.get((args["channel"], args["ts"]))
        if shown is None:
            return "message_not_found"
        if wrong := self.check(args, "message"):
            return wrong
        shown.text, shown.blocks, shown.edits = args["text"], args.get("blocks", []), shown.edits + 1
        return {"channel": shown.channel, "ts": shown.ts, "text": shown.text}

    def _chat_getPermalink(self, args: Any) -> Any:
        return {"permalink": f"https://acme.slack.com/archives/{args['channel']}/p{args['message_ts']}"}

    def _views_open(self, args: Any) -> Any:
        user = self._use_trigger(args["trigger_id"])
        if not user.startswith("U"):
            return user
        if wrong := self.check(args["view"], "modal"):
            return wrong
        self.stacks[user] = []
        return {"view": self.put_view(user, args["view"])}

    def _views_push(self, args: Any) -> Any:
        user = self._use_trigger(args["trigger_id"])
        if not user.startswith("U"):
            return user
        if wrong := self.check(args["view"], "modal"):
            return wrong
        if len(self.stacks[user]) >= VIEWS_AT_MOST:
            return "push_limit_reached"
        return {"view": self.put_view(user, args["view"])}

    def _views_update(self, args: Any) -> Any:
        view = self.views.get(args["view_id"])
        if view is None:
            return "not_found"
        if args.get("hash") and args["hash"] != view["hash"]:
            return "hash_conflict"
        if wrong := self.check(args["view"], "modal"):
            return wrong
        return {"view": self.change_view(view["id"], args["view"])}

    def _views_publish(self, args: Any) -> Any:
        if wrong := self.check(args["view"], "home"):
            return wrong
        self.homes[args["user_id"]] = {
            **args["view"], "id": f"VH{args['user_id']}", "hash": f"{next(self._numbers)}.h"
        }  # fmt: skip
        return {"view": self.homes[args["user_id"]]}

    def _file(self, request: Request) -> Response:
        """The content of a file; the page of a login for all who may not read it, as Slack answers them."""
        if request.headers.get("authorization") != f"Bearer {BOT_TOKEN}" or not self._has("files:read"):
            return Response(b"<!DOCTYPE html><title>Slack</title>", headers={"Content-Type": "text/html"})
        found = self.files.get(request.path.split("/")[2])
        return Response(b"not found", 404) if found is None else Response(
            found[1], headers={"Content-Type": str(found[0]["mimetype"])})  # fmt: skip

    def _conversations_open(self, args: Any) -> Any:
        return {"channel": {"id": f"D{args['users']}"}} if args["users"] in self.users else "user_not_found"

    def _files_getUploadURLExternal(self, args: Any) -> Any:
        if not args.get("filename") or not str(args.get("length", "")).isdigit() or int(args["length"]) < 1:
            return "missing_argument"
        made = self.add_file("UBOT", args["filename"], b"", "text/csv")
        self.files[made["id"]] = made | {"size": int(args["length"])}, b""
        return {"upload_url": f"{self.address}/upload/{made['id']}", "file_id": made["id"]}

    def _uploaded(self, request: Request) -> Response:
        """The content of a file that the app sends. An address takes one file of the size that was said."""
        id_ = request.path.rpartition("/")[2]
        if id_ not in self.files or self.files[id_][1]:
            return Response(b"expired", 404)
        if len(request.body) != self.files[id_][0]["size"]:
            return Response(b"wrong length", 400)
        if self._faults["upload"]:
            return self._faults["upload"].pop(0) or Response(b"", 500)
        self.files[id_] = self.files[id_][0], request.body
        return Response(b"OK - 0")

    def _files_completeUploadExternal(self, args: Any) -> Any:
        ids, channel = [one.get("id", "") for one in args["files"]], args.get("channel_id", "")
        if not all(id_ in self.files and self.files[id_][1] for id_ in ids):
            return "file_not_found"
        if channel and channel not in self.channels and channel.removeprefix("D") not in self.users:
            return "channel_not_found"
        if self.channels.get(channel) is False:
            return "not_in_channel"
        names = [self.files[id_][0]["name"] for id_ in ids]
        if channel:
            self.show(channel, {"text": f"{args.get('initial_comment', '')} {' '.join(names)}"}, "")
        return {"files": [self.files[id_][0] for id_ in ids]}

    def _files_info(self, args: Any) -> Any:
        return {"file": self.files[args["file"]][0]} if args["file"] in self.files else "file_not_found"

    def _respond(self, request: Request) -> Response | None:
        if self._faults["hook"]:
            return self._faults["hook"].pop(0)
        url = f"{self.address}{request.path}"
        if url not in self._hooks:
            return Response(b"no_text", 404)
        shown, user, channel, used = self._hooks[url]
        if used >= 5:
            self.refusals.append("sixth use of a response_url")
            return Response({"ok": False, "error": "used_url"}, 404)
        self._hooks[url] = shown, user, channel, used + 1
        args = request.arguments
        if args.get("delete_original"):
            if shown is not None:
                shown.deleted, shown.edits = True, shown.edits + 1
        elif self.check(args, "message"):
            return Response(b"invalid_blocks", 400)
        elif args.get("replace_original") and shown is not None:
            shown.text, shown.blocks, shown.edits = args["text"], args.get("blocks", []), shown.edits + 1
        else:
            self.show(channel, args, "" if args.get("response_type") == "in_channel" else user)
        self.changed()
        return Response(b"ok")
