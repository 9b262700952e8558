"""Sends letters over one connection, and knows at every step whether the server may have accepted one.

The envelope goes in one write if the server supports it (PIPELINING, RFC 2920), which halves the waits.

A server accepts a message with its answer to the final dot of DATA, not before (RFC 5321 §4.2.5, RFC 1047). So before
the dot is written, any failure proves that nothing was accepted; after it, only an answer proves anything, and silence
or a lost connection is `NoAnswer`. smtplib's `sendmail` hides this boundary; here MAIL, RCPT, DATA and the dot are sent
one by one.

Everything here blocks and belongs in a thread. Only `cut` may be called from another one.
"""

from __future__ import annotations

import re

from fluentsd.api import Rejected, Unavailable
from fluentsd_channel_email.compose import Letter
from fluentsd_channel_email.connection import Connection, Lost
from fluentsd_channel_email.settings import Settings
from fluentsd_channel_email.smtp_errors import Answer, Step, judge

#: The steps before the message, each with the expected answer.
_ENVELOPE: tuple[tuple[Step, int], ...] = (("MAIL", 250), ("RCPT", 250), ("DATA", 354))
_DOT = re.compile(rb"^\.", re.MULTILINE)


class NoAnswer(Exception):
    """The message was sent, but the server's answer was lost: it is unknown whether it was accepted."""


class Session:
    """A connection that sends one letter after another."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection = Connection(settings)
        self.carried = 0
        self.idle_since = 0  #: epoch microseconds, kept by the pool

    @property
    def is_open(self) -> bool:
        """Whether it can be used for another letter."""
        return self.connection.is_open and not self.connection.is_cut

    def cut(self) -> None:
        """Stop the waits of the thread that uses the session; the thread closes the connection."""
        self.connection.cut()

    def open(self) -> None:
        """Connect and log in; raises `Unavailable` or `NeedsHuman`."""
        self.connection.open()
        self.carried = 0

    def close(self) -> None:
        """Close at once, without QUIT."""
        self.connection.close()

    def carry(self, letter: Letter) -> Answer:
        """Send one letter; returns the server's acceptance.

        Raises `Unavailable`, `Rejected`, `NeedsHuman` (nothing was accepted) or `NoAnswer` (unknown). A dead
        connection of an earlier letter is replaced once, before the letter is sent.
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
        answers, at_once = [self._mail(letter)], self._pipelines
        if at_once:
            self._read_on(answers)
        for step, wanted in _ENVELOPE:
            if not answers and at_once:
                raise Lost(f"{self.settings.host} closed the connection before its answer to {step}")
            answer = answers.pop(0) if answers else self._say(self._rcpt(letter) if step == "RCPT" else "DATA")
            self._judge(step, answer, wanted)

    def _read_on(self, answers: list[Answer]) -> None:
        """Read the answers to RCPT and DATA, as far as they come. A server that accepts DATA after a refused RCPT is
        disconnected, because its answer to the dot would be ambiguous."""
        try:
            while len(answers) < len(_ENVELOPE) and answers[-1].code != 421:  # "closing the channel": no more will come
                answers.append(self.connection.answer())
        except Lost:
            self.close()
        if answers[-1].code == 354 and any(one.code // 100 != 2 for one in answers[:-1]):
            self.close()

    @property
    def _pipelines(self) -> bool:
        return "pipelining" in self.connection.offers

    def _mail(self, letter: Letter) -> Answer:
        """The answer to MAIL, on a live connection."""
        if self.carried >= self.settings.messages_per_connection:
            self.close()
        if self.is_open:
            try:
                answer = self._say_first(letter)
            except Lost:
                if self.connection.is_cut:
                    raise
            else:
                if answer.code != 421:
                    return answer
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
                raise Rejected("the mail server does not support non-ASCII addresses (no SMTPUTF8)")
            words.append("SMTPUTF8")
        if "size" in offers:
            words.append(f"SIZE={len(letter.data)}")
        if "dsn" in offers:
            words += ["RET=HDRS", f"ENVID={letter.token}"]  # a token's characters need no xtext encoding
        return " ".join(words)

    def _rcpt(self, letter: Letter) -> str:
        return f"RCPT TO:<{letter.to}>{' NOTIFY=FAILURE,DELAY' if 'dsn' in self.connection.offers else ''}"

    def _message(self, data: bytes) -> Answer:
        """The message, then the dot in a separate write: a failure before it proves that nothing was accepted."""
        self.connection.write(_DOT.sub(b"..", data))
        if self.connection.has_spoken():  # before the dot it can only be a refusal
            answer = self.connection.answer()
            self.close()
            self._judge("message", answer, wanted=0)
        if self.connection.is_cut:
            raise Lost("cancelled before the message was sent")
        try:
            self.connection.write(b".\r\n")
            answer = self.connection.answer()
        except Lost as why:
            raise NoAnswer(f"{why}, after the message was sent") from why
        if not 200 <= answer.code < 600:
            raise NoAnswer(f"the server's answer to the message is not SMTP: {answer}")
        return answer

    def _say(self, line: str) -> Answer:
        return self.connection.say(line)

    def _judge(self, step: Step, answer: Answer, wanted: int = 250) -> None:
        """Return if the server goes on; else raise the error for its refusal."""
        if answer.code == 421:
            self.close()  # "closing the channel"
        judge(step, answer, wanted, self.settings.sender.spec)

    def _reset(self) -> bool:
        """Reset the connection for another letter after a refusal; False if it is not usable any more."""
        try:
            return self.is_open and self._say("RSET").code == 250
        except Lost:
            return False
