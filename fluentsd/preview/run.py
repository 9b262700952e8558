"""Runs the preview: a folder with a configuration, the fake workspace, the page, and the real daemon beside them."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import trio

from fluentsd import daemon
from fluentsd.clock import AdjustableClock
from fluentsd.config import Settings, load
from fluentsd.demo.people import CALLER_IDS, write_csv
from fluentsd.engine.ingest.batches import batches, mapping_of
from fluentsd.engine.ingest.csv_file import open_csv
from fluentsd.engine.ingest.file_import import FileImport, Options, read_in_thread
from fluentsd.engine.ingest.in_daemon import DaemonIngest
from fluentsd.engine.runtime import Runtime
from fluentsd.plugins import discover
from fluentsd.preview.page import Page
from fluentsd.testing.slack import Workspace, serving
from fluentsd.testing.slack import http as small_http
from fluentsd.testing.slack.workspace import APP_TOKEN, BOT_TOKEN
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute

#: People of the list to try, and how many times faster than a watch the preview's clock runs.
PEOPLE, SPEED = 60, 30.0
#: The zone of the workspace, in which the page shows the time.
ZONE = "America/New_York"
#: User → name, and the role that the configuration gives.
WORKSPACE = {
    "U01": ("Manager", "manager"), "U02": ("Second manager", "manager"), "U03": ("Operator", "operator"),
    "U04": ("Viewer", "viewer"), "U05": ("Admin", "admin"),
}  # fmt: skip
CHANNEL = "C01"
#: The campaign that waits for its start.
REF, NAME = "autumn-fair", "Autumn fair"
_SETTINGS = """
[database]
path = "preview.db"

[channel.phone]
plugin = "sandbox"
concurrency = 8
seed = 3
conversations = true
cost_micros = 120000
outcomes = {{ answered = 0.4, voicemail = 0.25, no_answer = 0.25, busy = 0.06, failed = 0.02, opted_out = 0.02 }}

[channel.sms]
plugin = "sandbox"
concurrency = 5
cost_micros = 10000
reply = "2 min-20 min"
outcomes = {{ delivered = 0.7, replied = 0.24, opted_out = 0.03, failed = 0.03 }}

[channel.email]
plugin = "sandbox"
concurrency = 5
reply = "10 min-2 hours"

[source.crm]
plugin = "csv"
every = 0
files = {{ "Walk-ins" = "{folder}/walk-ins.csv" }}

[slack]
app_token = "{app_token}"
bot_token = "{bot_token}"
channel = "{channel}"
api_url = "{address}/api/"
roles = {{ admin = ["U05"], manager = ["U01", "U02"], operator = ["U03"], viewer = ["U04"] }}
"""


async def run(port: int, *, empty: bool, ready: Callable[[str], None], log: Any) -> None:
    """Serve the preview until a signal; `ready` gets the address of the page. `port` 0 takes a free one; `empty`: no
    number and no campaign. Raises `OSError` if the port is taken."""
    clock = AdjustableClock(_begin(), SPEED)
    workspace = _workspace(clock)
    with _folder() as folder:
        async with serving(workspace), trio.open_nursery() as nursery:
            leads, _ = write_csv(PEOPLE, seed=7)
            settings = _settings(folder, workspace, leads)
            if not empty:
                await _prepare(settings, clock, folder, log)
            roles = {id_: role for id_, (_, role) in WORKSPACE.items()}
            page = Page(workspace, clock, SPEED, roles, leads.encode("utf-8-sig"), ZONE)
            answer = partial(small_http.serve, answer=page.answer)
            listeners = await nursery.start(partial(trio.serve_tcp, answer, port, host="127.0.0.1"))
            address = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}{page.path}"
            await daemon.run(
                settings, clock=clock, plugins=discover(), log=log,
                ready=lambda: ready(address),
            )  # fmt: skip
            nursery.cancel_scope.cancel()


def _begin() -> int:
    """Ten o'clock on the Monday of this week, in epoch microseconds: a moment at which people may be called."""
    today = dt.datetime.now(ZoneInfo(ZONE))
    monday = (today - dt.timedelta(days=today.weekday())).replace(hour=10, minute=0, second=0, microsecond=0)
    return round(monday.timestamp() * 1_000_000)


def _workspace(clock: AdjustableClock) -> Workspace:
    workspace = Workspace(now=lambda: clock.now() / 1_000_000)
    for id_, (name, _) in WORKSPACE.items():
        workspace.add_user(id_, name, ZONE)
    workspace.channels[CHANNEL] = True
    return workspace


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="fluentsd-preview-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settings(folder: Path, workspace: Workspace, leads: str) -> Settings:
    (folder / "leads.csv").write_text(leads, "utf-8-sig")
    (folder / "walk-ins.csv").write_text("Id,Phone,First name\n1,+13125550141,Alfa\n2,+13125550142,Bravo\n", "utf-8")
    text = _SETTINGS.format(
        folder=folder, app_token=APP_TOKEN, bot_token=BOT_TOKEN, channel=CHANNEL, address=workspace.address
    )
    (folder / "fluentsd.toml").write_text(text, "utf-8")
    return load(folder / "fluentsd.toml")


async def _prepare(settings: Settings, clock: AdjustableClock, folder: Path, log: Any) -> None:
    """Numbers, and a draft with people that can be started."""
    async with daemon.open_runtime(settings, clock, discover(), log=log) as runtime:
        for number in CALLER_IDS[:3]:
            await _do(runtime, "numbers add", number=number, tag=["sales-us"])
        for name, verb in (("agent", "agents apply"), ("campaign", "campaign apply")):
            file = tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text("utf-8"))
            await _do(runtime, verb, file=file)
        await _do(runtime, "campaign owner", ref=REF, owner="@sales")
        with open_csv(folder / "leads.csv") as opened:
            work = batches(opened, mapping_of(opened, {}, "US", "phone"), "US", "phone")
            ingest = DaemonIngest(runtime, "leads.csv", REF, "preview")
            await FileImport("leads.csv", read_in_thread(work), ingest, _Dropped(), Options()).carry_out()
        evidence = {"basis": "written", "given": "2026-11-02", "scope": ["phone", "sms"], "by": "the fair's desk"}
        await _do(runtime, "contacts attest", source="leads.csv", **evidence)


class _Dropped:
    """Rows that are not people; nobody looks at them here."""

    written, place = 0, ""

    def write(self, reject: Any) -> None:
        """Leave it out."""


async def _do(runtime: Runtime, verb: str, **arguments: Any) -> Any:
    return await execute(runtime, verb, arguments, Call("preview", runtime.clock.now(), role="admin"))
