"""Real mail servers on loopback, as Debian ships them: two of exim4, one of dovecot; no mail leaves the machine.

`ours` is the server of fluentsd's own domain: it accepts fluentsd's mail, routes it to the other server, writes bounce
reports, and has a mailbox that dovecot offers by IMAP. `people` is the server of the recipients: it knows some, rejects
unknown ones, is busy for one, and sends an automatic reply for one who is away. All run as one unprivileged user
(`nobody` if the tests run as root) in a folder of its own; exim drops its privileges because its configuration is given
by the caller, and dovecot is configured without any.

Undeliverable mail is retried for six seconds, with a warning after three.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

OURS, THEIRS = "sales.example", "example.com"
USER, PASSWORD = "campaigns", "sesame"
#: Whom the people's server knows; `busy` it puts off, `away` has a robot, of all others it has never heard.
KNOWN, AWAY, BUSY = ("p1", "p3", "p4"), "p4", "p5"
#: Seconds for a server to begin.
BEGINS_WITHIN = 15.0
EXIM, DOVECOT = "/usr/sbin/exim4", "/usr/sbin/dovecot"

_EXIM = """
primary_hostname = mx.{domain}
spool_directory = {folder}
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
acl_smtp_rcpt = recipient
dsn_advertise_hosts = *
delay_warning = 3s
deliver_drop_privilege
never_users =
host_lookup =
keep_environment =
admin_groups = {group}
exim_user = {user}
exim_group = {group}
tls_advertise_hosts =
begin acl
recipient:
  {acl}
begin routers
{routers}
other:
  driver = manualroute
  domains = {other_domain}
  route_list = * 127.0.0.1
  transport = other
  self = send
mine:
  driver = accept
  domains = {domain}
  local_parts = {known}
  local_part_suffix = +*
  local_part_suffix_optional
  transport = maildir
begin transports
other:
  driver = smtp
  port = {other_port}
  hosts_try_fastopen =
maildir:
  driver = appendfile
  maildir_format
  directory = {folder}/mail/{box}
  create_directory
  return_path_add
  envelope_to_add
  delivery_date_add
  user = {user}
  group = {group}
robot:
  driver = autoreply
  from = {away}@{domain}
  to = $sender_address
  subject = Out of office: $h_Subject:
  text = I am away until further notice.\\n
  user = {user}
  group = {group}
begin retry
* * F,6s,1s
"""

_OURS_ACL = "accept"
_PEOPLE_ACL = """
  defer local_parts = {busy}
        domains = {domain}
        message = 451 4.2.2 The mailbox is full
  deny  domains = {domain}
        ! local_parts = {known}
        message = 550 5.1.1 No such user here
  accept
"""
_PEOPLE_ROUTERS = """
robot:
  driver = accept
  domains = {domain}
  local_parts = {away}
  senders = ! :
  transport = robot
  unseen
"""

_DOVECOT = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{mail}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers' ports, and the mailboxes of the people."""

    folder: Path
    ours: int
    people: int
    imap: int

    def arrived(self, person: str) -> list[EmailMessage]:
        """The mails in a person's mailbox."""
        files = sorted(self.folder.glob(f"people/mail/{person}/new/*"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def logs(self) -> str:
        """All logs of the servers, for a failed test."""
        files = [file for file in self.folder.rglob("*log") if file.is_file()]
        return "\n".join(f"── {file}\n{file.read_text(errors='replace')[-4000:]}" for file in sorted(files))


@contextmanager
def servers() -> Iterator[Servers]:
    """All three servers, for the block; skips the test if they are not installed."""
    if not (Path(EXIM).exists() and Path(DOVECOT).exists()):
        pytest.skip("needs real mail servers: apt-get install exim4-daemon-light dovecot-imapd")
    folder = Path(tempfile.mkdtemp(prefix="fsd-mta-", dir="/tmp"))  # a place that `nobody` may enter
    ours, people, imap = _free_ports(3)
    try:
        with ExitStack() as running:
            running.enter_context(_exim(folder / "ours", OURS, ours, (THEIRS, people), f"{USER} : bounce"))
            running.enter_context(_exim(folder / "people", THEIRS, people, (OURS, ours), " : ".join(KNOWN), True))
            running.enter_context(_dovecot(folder, imap))
            yield Servers(folder, ours, people, imap)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _exim(folder: Path, domain: str, port: int, other: tuple[str, int], known: str, people: bool = False) -> Any:
    about = {**_who(), "folder": folder, "domain": domain, "port": port, "other_domain": other[0],
             "other_port": other[1], "known": known, "away": AWAY, "busy": BUSY}  # fmt: skip
    acl, routers = (_PEOPLE_ACL, _PEOPLE_ROUTERS) if people else (_OURS_ACL, "")
    about["box"] = "$local_part_data" if people else USER  # the looked-up name: exim mistrusts what a mail says
    about |= {"acl": acl.format(**about).strip(), "routers": routers.format(**about)}
    _own(folder)
    (folder / "conf").write_text(_EXIM.format(**about), encoding="utf-8")
    return _running([EXIM, "-C", str(folder / "conf"), "-bdf", "-q1s"], folder, port)


def _dovecot(folder: Path, port: int) -> Any:
    home = folder / "dovecot"
    about = {**_who(), "folder": home, "port": port, "password": PASSWORD, "mail": folder / "ours/mail" / USER}
    _own(home)
    (home / "conf").write_text(_DOVECOT.format(**about), encoding="utf-8")
    return _running([DOVECOT, "-F", "-c", str(home / "conf")], home, port)


def _who() -> Mapping[str, Any]:
    """The user the servers run as."""
    uid = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    user = pwd.getpwuid(uid)
    return {"user": user.pw_name, "uid": uid, "group": grp.getgrgid(user.pw_gid).gr_name, "gid": user.pw_gid}


def _own(folder: Path) -> None:
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, _who()["uid"], _who()["gid"])
        folder.parent.chmod(0o755)


@contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """One server, until the block ends."""
    who = _who()
    user = {"user": who["uid"], "group": who["gid"], "extra_groups": [who["gid"]]} if os.geteuid() == 0 else {}
    with (folder / "said.log").open("wb") as text:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=text, stderr=text, cwd=folder, **user)
    try:
        _until_it_answers(process, folder, port)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _until_it_answers(process: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    until = time.monotonic() + BEGINS_WITHIN
    while process.poll() is None and time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as sock:
                if sock.recv(4) in (b"220 ", b"* OK"):
                    return
        except OSError:
            time.sleep(0.05)
    logs = "\n".join(file.read_text(errors="replace") for file in folder.glob("*log"))
    raise RuntimeError(f"{process.args!r} did not begin:\n{logs}")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
