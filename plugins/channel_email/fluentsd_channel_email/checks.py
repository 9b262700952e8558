"""The checks of `fluentsd check` for e-mail: both servers, unsubscribe, and the sender's domain.

All checks are read-only: nothing is sent and nothing in the mailbox is changed. The checks of DNS are in `dns`.
"""

from __future__ import annotations

from collections.abc import Iterator

from fluentsd.api import Finding, Links, NeedsHuman, Unavailable
from fluentsd_channel_email.mailbox import Mailbox
from fluentsd_channel_email.session import Session
from fluentsd_channel_email.settings import InboxSettings, Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: Domains whose DMARC policy allows only their own servers; other mail is refused or counts as spam.
_FREE = ("gmail.com", "googlemail.com", "yahoo.com", "aol.com", "outlook.com", "hotmail.com", "live.com", "icloud.com",
         "gmx.net", "gmx.de", "web.de", "proton.me", "protonmail.com", "mail.com")  # fmt: skip


def missing(settings: Settings, links: Links) -> list[tuple[str, str]]:
    """The missing required parts of a marketing mail, each with its fix; empty when complete or waived."""
    if settings.purpose == "transactional":
        return []
    lacks = []
    if not settings.postal_address:
        fix = 'set "postal_address" to a valid physical postal address (15 U.S.C. 7704(a)(5))'
        lacks.append(("no postal address in the mails", fix))
    if not (settings.unsubscribe or settings.inbox or links.unsubscribe("0" * 32)):
        fix = "set http.public_url, or [channel.email.inbox], or your own unsubscribe link"
        lacks.append(("no way to unsubscribe in the mails", fix))
    return lacks


def findings(settings: Settings, links: Links) -> list[Finding]:
    """All findings; blocks."""
    waived = ' (or purpose = "transactional" if these mails sell nothing)'
    found = [*_smtp(settings), *_inbox(settings)]
    found += [
        Finding(False, f"e-mail: {what}; nothing is sent", f"{fix}{waived}") for what, fix in missing(settings, links)
    ]
    return [*found, *_one_click(settings, links), *_domains(settings)]


def _smtp(settings: Settings) -> Iterator[Finding]:
    session, where = Session(settings), f"{settings.host}:{settings.port}"
    try:
        session.open()
    except Unavailable as why:
        yield Finding(False, f"e-mail: {why}", f'check "host", "port" and the network path to {where}')
        return
    except NeedsHuman as why:
        yield Finding(False, f"e-mail: {why}", 'correct "username", "password", "tls" or "ca_file"')
        return
    try:
        offers = ", ".join(sorted(name.upper() for name in session.connection.offers)) or "no extensions"
        login = f"logged in as {settings.username}" if settings.username else "without a login"
        yield Finding(True, f"e-mail: {where} answers, {login}; it offers {offers}")
        if settings.tls == "none" and settings.host not in LOOPBACK:
            yield Finding(False, "e-mail: mails and password travel unencrypted", 'set tls = "starttls" or "tls"')
        if settings.inbox and not settings.verp and "dsn" not in session.connection.offers:
            fix = "set verp = true, and deliver bounce+<anything>@ of the bounce_domain to the inbox"
            yield Finding(False, "e-mail: some bounces cannot be matched to their attempt", fix)
    finally:
        session.close()


def _inbox(settings: Settings) -> Iterator[Finding]:
    inbox = settings.inbox
    if inbox is None:
        if settings.purpose == "marketing":
            fix = "add [channel.email.inbox]: then replies end the flow and dead addresses are skipped"
            yield Finding(True, f"e-mail: no inbox, so bounces, replies and STOP by e-mail are not read; {fix}")
        return
    box = Mailbox(inbox)
    try:
        box.open()
        yield from _folder(inbox, box)
    except Unavailable as why:
        fix = f"check inbox.host, inbox.port and the network path to {inbox.host}:{inbox.port}"
        yield Finding(False, f"e-mail inbox: {why}", fix)
    except NeedsHuman as why:
        yield Finding(False, f"e-mail inbox: {why}", "correct inbox.username, password, folder, tls or ca_file")
    finally:
        box.close()


def _folder(inbox: InboxSettings, box: Mailbox) -> Iterator[Finding]:
    watch = "new mail is seen at once (IDLE)" if box.offers("IDLE") else f"polled every {inbox.poll} s (no IDLE)"
    yield Finding(True, f"e-mail inbox: {inbox.folder} of {inbox.username} is open, {box.count} mails; {watch}")
    if inbox.tls == "none" and inbox.host not in LOOPBACK:
        yield Finding(
            False, "e-mail inbox: mails and password travel unencrypted", 'set inbox.tls = "tls" or "starttls"'
        )
    away = inbox.processed_folder
    if away and not box.offers("MOVE"):
        fix = "leave out inbox.processed_folder; mail then stays where it is"
        yield Finding(False, "e-mail inbox: the server cannot move mail (no MOVE)", fix)
    elif away and not box.has_folder(away):
        yield Finding(False, f"e-mail inbox: the folder {away!r} is missing", "create it, or correct processed_folder")


def _one_click(settings: Settings, links: Links) -> Iterator[Finding]:
    link = settings.unsubscribe or links.unsubscribe("0" * 32) or ""
    if settings.purpose == "marketing" and not link.startswith("https://"):
        fix = "set http.public_url to an https URL; Gmail and Yahoo require it of bulk senders"
        yield Finding(False, "e-mail: no one-click unsubscribe (RFC 8058)", fix)


def _domains(settings: Settings) -> Iterator[Finding]:
    domain, bounces = settings.sender.domain, settings.bounce_domain
    if domain in _FREE and not settings.host.endswith((f".{domain}", "google.com", "googlemail.com", "office365.com")):
        fix = "send from your own domain"
        yield Finding(False, f"e-mail: {domain} allows only its own servers to send (DMARC)", fix)
    if bounces and not _related(domain, bounces):
        fix = f"choose a bounce_domain under {domain}, or make sure that DKIM signs for {domain}"
        yield Finding(False, f"e-mail: SPF of {bounces} does not count for {domain} (DMARC alignment)", fix)


def _related(one: str, other: str) -> bool:
    """Whether the domains are equal, one is under the other, or both are under the same two-label domain."""
    ends = one.split(".")[-2:] == other.split(".")[-2:]
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}") or ends
