"""Files that people upload to Slack: fetched with the app's token from Slack's own hosts alone, and kept for a while,
so that each look at the same file does not fetch it again.

What must not live here: the reading of a table (`csv`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluentsd.api import Unavailable
from fluentsd.fronts.slack.web_api import SlackRefused, TooLarge, WebApi
from fluentsd.verbs import Refused

#: Slack's own limit of a file in a form.
BYTES_AT_MOST = 10 * 1024 * 1024
#: Files kept.
KEPT = 3


@dataclass(frozen=True, slots=True)
class Upload:
    """One file."""

    id: str
    name: str
    content: bytes = field(repr=False)


@dataclass(slots=True)
class Uploads:
    """The newest uploads, by Slack's id."""

    _kept: dict[str, Upload] = field(default_factory=dict)

    async def get(self, api: WebApi, id_: str, file: Mapping[str, Any] | None = None) -> Upload:
        """A file by its id; `file` is Slack's file object, where a form has just brought it. Raises `Refused`."""
        if id_ in self._kept:
            return self._kept[id_]
        try:
            found = file or {}
            if not (found.get("url_private_download") or found.get("url_private")):  # Slack may send the id alone
                found = dict((await api.call("files.info", file=id_)).get("file") or {})
            name = str(found.get("name") or "upload.csv")
            if int(found.get("size") or 0) > BYTES_AT_MOST:
                raise TooLarge
            url = str(found.get("url_private_download") or found.get("url_private") or "")
            content = await api.download(url, BYTES_AT_MOST)
        except TooLarge:
            raise Refused(
                f"the file has more than {BYTES_AT_MOST // 1024**2} MB, which is Slack's limit; nothing was imported. "
                "Divide it, or let an admin import it on the shell: fluentsd contacts import FILE --campaign REF"
            ) from None
        except SlackRefused as why:
            raise Refused(
                f"Slack does not hand the file over ({why.error}); nothing was imported. An admin can find the cause "
                "with `fluentsd slack check`: the app needs the scope files:read"
            ) from None
        except Unavailable as why:
            raise Refused(f"the file could not be fetched: {why}; nothing was imported. Try again") from None
        upload = Upload(id_, name, content)
        while len(self._kept) >= KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[id_] = upload
        return upload

    def forget(self, id_: str) -> None:
        """The file is imported."""
        self._kept.pop(id_, None)
