"""What an operator must know before the first mail: both servers, the way out of it, and whose domain vouches.

Everything is asked by looking; nothing is sent and nothing in the mailbox is changed. What DNS says is in `resolving`.
"""

from __future__ import annotations

from collections.abc import Iterator

from fluentsd.api import Finding, Links, NeedsHuman, Unavailable
from fluentsd_channel_email.mailbox import Mailbox
from fluentsd_channel_email.session import Session
from fluentsd_channel_email.settings import InboxSettings, Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: Domains whose DMARC policy lets only their own servers send; mail from elsewhere is refused or counts as spam.
_FREE = ("gmail.com", "googlemail.com", "yahoo.com", "aol.com", "outlook.com", "hotmail.com", "live.com", "icloud.com",
         "gmx.net", "gmx.de", "web.de", "proton.me", "protonmail.com", "mail.com")  # fmt: skip


def missing(settings: Settings, links: Links) -> list[tuple[str, str]]:
    """What a marketing mail may not go without, and how to mend it; empty when it is all there, or waived."""
    if settings.purpose == "transactional":
        return []
    lacks = []
    if not settings.postal_address:
        fix = 'set "postal_address" to a place where you get post (15 U.S.C. 7704(a)(5))'
        lacks.append(("no postal address in the mails", fix))
    if not (settings.unsubscribe or settings.inbox or links.unsubscribe("0" * 32)):
        fix = "set http.public_url, or [channel.email.inbox], or an unsubscribe link of your own"
        lacks.append(("no way to unsubscribe in the mails", fix))
    return lacks


def findings(settings: Settings, links: Links) -> list[Finding]:
    """All of it; blocks."""
    waived = ' (or purpose = "transactional" if these mails sell nothing)'
    said = [*_smtp(settings), *_inbox(settings)]
    said += [
        Finding(False, f"e-mail: {what}; nothing is sent", f"{fix}{waived}") for what, fix in missing(settings, links)
    ]
    return [*said, *_way_out(settings, links), *_domains(settings)]


def _smtp(settings: Settings) -> Iterator[Finding]:
    session, where = Session(settings), f"{settings.host}:{settings.port}"
    try:
        session.open()
    except Unavailable as why:
        yield Finding(False, f"e-mail: {why}", f'check "host" and "port", and that {where} can be reached')
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
            fix = "set verp = true, with bounce+<anything>@ the bounce_domain arriving in the inbox"
            yield Finding(False, "e-mail: some bounces could not be traced to their attempt", fix)
    finally:
        session.close()


def _inbox(settings: Settings) -> Iterator[Finding]:
    inbox = settings.inbox
    if inbox is None:
        if settings.purpose == "marketing":
            fix = "add [channel.email.inbox]; replies would end a course, and dead addresses be left alone"
            yield Finding(True, f"e-mail: no inbox: bounces, replies and STOP by e-mail are not read; {fix}")
        return
    box = Mailbox(inbox)
    try:
        box.open()
        yield from _folder(inbox, box)
    except Unavailable as why:
        fix = f"check inbox.host and inbox.port, and that {inbox.host}:{inbox.port} can be reached"
        yield Finding(False, f"e-mail inbox: {why}", fix)
    except NeedsHuman as why:
        yield Finding(False, f"e-mail inbox: {why}", "correct inbox.username, password, folder, tls or ca_file")
    finally:
        box.close()


def _folder(inbox: InboxSettings, box: Mailbox) -> Iterator[Finding]:
    told = "told of new mail at once" if box.offers("IDLE") else f"looks every {inbox.poll} s (no IDLE)"
    yield Finding(True, f"e-mail inbox: {inbox.folder} of {inbox.username} is open, {box.count} mails; {told}")
    if inbox.tls == "none" and inbox.host not in LOOPBACK:
        yield Finding(
            False, "e-mail inbox: mails and password travel unencrypted", 'set inbox.tls = "tls" or "starttls"'
        )
    away = inbox.processed_folder
    if away and not box.offers("MOVE"):
        fix = "leave out inbox.processed_folder; mail then stays where it is"
        yield Finding(False, "e-mail inbox: the server cannot move mail (no MOVE)", fix)
    elif away and not box.has_folder(away):
        yield Finding(False, f"e-mail inbox: there is no folder {away!r}", "make it, or correct inbox.processed_folder")


def _way_out(settings: Settings, links: Links) -> Iterator[Finding]:
    link = settings.unsubscribe or links.unsubscribe("0" * 32) or ""
    if settings.purpose == "marketing" and not link.startswith("https://"):
        fix = "set http.public_url to an https address; Gmail and Yahoo ask bulk senders for it"
        yield Finding(False, "e-mail: no one-click unsubscribe (RFC 8058)", fix)


def _domains(settings: Settings) -> Iterator[Finding]:
    domain, bounces = settings.sender.domain, settings.bounce_domain
    if domain in _FREE and not settings.host.endswith((f".{domain}", "google.com", "googlemail.com", "office365.com")):
        fix = "send from a domain of your own"
        yield Finding(False, f"e-mail: {domain} forbids other servers to send in its name (DMARC)", fix)
    if bounces and not _related(domain, bounces):
        fix = f"choose a bounce_domain under {domain}, or see that DKIM signs for {domain}"
        yield Finding(False, f"e-mail: SPF of {bounces} does not vouch for {domain} (DMARC alignment)", fix)


def _related(one: str, other: str) -> bool:
    """One domain is the other, or lies under it, or both lie under the same one of at least two labels."""
    ends = one.split(".")[-2:] == other.split(".")[-2:]
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}") or ends
