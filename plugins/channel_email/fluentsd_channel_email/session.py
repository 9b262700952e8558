"""Letters over one connection, and at every step the knowledge of what the server may have accepted.

The envelope goes in one write where the server takes that (PIPELINING, RFC 2920): half the waits for a mail.

A server accepts a message with its answer to the final dot of DATA, and not before (RFC 5321 §4.2.5, RFC 1047). So
until the dot is given to the system, any failure proves that nothing was accepted; after it, only an answer proves
anything, and silence or a lost connection is `NoAnswer`. smtplib's `sendmail` hides that border; here MAIL, RCPT,
DATA and the dot are spoken one by one.

Everything here blocks and belongs in a thread. Only `cut` may be called from another one.
"""

from __future__ import annotations

import re

from fluentsd.api import Rejected, Unavailable
from fluentsd_channel_email.compose import Letter
from fluentsd_channel_email.connection import Connection, Lost
from fluentsd_channel_email.settings import Settings
from fluentsd_channel_email.smtp_errors import Answer, Step, judge

#: The steps before the message, with the answer that lets it go on.
_ENVELOPE: tuple[tuple[Step, int], ...] = (("MAIL", 250), ("RCPT", 250), ("DATA", 354))
_DOT = re.compile(rb"^\.", re.MULTILINE)


class NoAnswer(Exception):
    """The message was handed over and the server's answer never came: nobody can tell whether it was accepted."""


class Session:
    """A connection that carries one letter after another."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection = Connection(settings)
        self.carried = 0
        self.idle_since = 0  #: epoch microseconds, kept by the pool

    @property
    def is_open(self) -> bool:
        """It can be kept for another letter."""
        return self.connection.is_open and not self.connection.is_cut

    def cut(self) -> None:
        """Make the thread at work here stop waiting; it closes the connection itself."""
        self.connection.cut()

    def open(self) -> None:
        """Connect and log in; raises `Unavailable` or `NeedsHuman`."""
        self.connection.open()
        self.carried = 0

    def close(self) -> None:
        """Close without ceremony."""
        self.connection.close()

    def carry(self, letter: Letter) -> Answer:
        """Hand one letter over; returns the server's acceptance.

        Raises `Unavailable`, `Rejected`, `NeedsHuman` (nothing was accepted) or `NoAnswer` (nobody can tell). A
        connection kept from an earlier letter that turns out dead is replaced once, before the letter is shown.
        """
        try:
            return self._carry(letter)
        except Lost as why:
            self.close()
            raise Unavailable(str(why), 0.0 if self.connection.is_cut else 30.0) from why
        except (Unavailable, Rejected):
            if not self._reset():
                self.close()
            raise
        except BaseException:
            self.close()
            raise

    def _carry(self, letter: Letter) -> Answer:
        self._envelope(letter)
        answer = self._message(letter.data)
        self._judge("final dot", answer)
        self.carried += 1
        return answer

    def _envelope(self, letter: Letter) -> None:
        """MAIL, RCPT and DATA, up to the server's "go ahead"."""
        said, at_once = [self._mail(letter)], self._pipelines
        if at_once:
            self._read_on(said)
        for step, wanted in _ENVELOPE:
            if not said and at_once:
                raise Lost(f"{self.settings.host} left before it answered {step}")
            answer = said.pop(0) if said else self._say(self._rcpt(letter) if step == "RCPT" else "DATA")
            self._judge(step, answer, wanted)

    def _read_on(self, said: list[Answer]) -> None:
        """The answers to RCPT and DATA, as far as they come. Whoever goes ahead although nobody is to get the message
        is left: of a dot nobody could tell what it means."""
        try:
            while len(said) < len(_ENVELOPE) and said[-1].code != 421:  # "closing the channel": no more will come
                said.append(self.connection.answer())
        except Lost:
            self.close()
        if said[-1].code == 354 and any(one.code // 100 != 2 for one in said[:-1]):
            self.close()

    @property
    def _pipelines(self) -> bool:
        return "pipelining" in self.connection.offers

    def _mail(self, letter: Letter) -> Answer:
        """The answer to MAIL, on a connection that lives."""
        if self.carried >= self.settings.messages_per_connection:
            self.close()
        if self.is_open:
            try:
                said = self._say_first(letter)
            except Lost:
                if self.connection.is_cut:
                    raise
            else:
                if said.code != 421:
                    return said
            self.close()
        self.open()
        return self._say_first(letter)

    def _say_first(self, letter: Letter) -> Answer:
        more = [self._rcpt(letter), "DATA"] if self._pipelines else []
        return self.connection.say(self._mail_command(letter), *more)

    def _mail_command(self, letter: Letter) -> str:
        offers, words = self.connection.offers, [f"MAIL FROM:<{letter.return_path}>"]
        if letter.needs_utf8:
            if "smtputf8" not in offers:
                raise Rejected("the mail server cannot carry addresses with letters outside ASCII (no SMTPUTF8)")
            words.append("SMTPUTF8")
        if "size" in offers:
            words.append(f"SIZE={len(letter.data)}")
        if "dsn" in offers:
            words += ["RET=HDRS", f"ENVID={letter.token}"]  # a token's characters need no xtext encoding
        return " ".join(words)

    def _rcpt(self, letter: Letter) -> str:
        return f"RCPT TO:<{letter.to}>{' NOTIFY=FAILURE,DELAY' if 'dsn' in self.connection.offers else ''}"

    def _message(self, data: bytes) -> Answer:
        """The message, then the dot in a write of its own: whatever fails before that write proves something."""
        self.connection.write(_DOT.sub(b"..", data))
        if self.connection.has_spoken():  # before the dot it can only refuse; after it, nobody could tell
            said = self.connection.answer()
            self.close()
            self._judge("message", said, wanted=0)
        if self.connection.is_cut:
            raise Lost("given up before the message was handed over")
        try:
            self.connection.write(b".\r\n")
            answer = self.connection.answer()
        except Lost as why:
            raise NoAnswer(f"{why}, after the message was handed over") from why
        if not 200 <= answer.code < 600:
            raise NoAnswer(f"the server's answer to the message is not SMTP: {answer}")
        return answer

    def _say(self, line: str) -> Answer:
        return self.connection.say(line)

    def _judge(self, step: Step, said: Answer, wanted: int = 250) -> None:
        """Return if the server goes on; raise what its refusal means."""
        if said.code == 421:
            self.close()  # "closing the channel"
        judge(step, said, wanted, self.settings.sender.spec)

    def _reset(self) -> bool:
        """Make the connection ready for another letter after a refusal; False if it is of no use any more."""
        try:
            return self.is_open and self._say("RSET").code == 250
        except Lost:
            return False
