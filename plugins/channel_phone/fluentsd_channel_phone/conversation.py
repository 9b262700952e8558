"""One conversation over ConversationRelay: listens, lets the model answer, and ends the call.

One nursery per call and one cancel scope per turn. One task reads frames, one takes turns; what the person says cancels
the turn under way. An opt-out, by word or by key, is decided before any model sees it, and only from what the person
says: the agent's own words never come in by this way. A conversation outlives its socket: after a broken connection
`serve` goes on with a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import trio

from fluentsd.api import AgentSettings, CallSocket, Disposition, SocketClosed, asks_to_stop
from fluentsd_channel_phone import frames
from fluentsd_channel_phone.answers import Answer, tool_result
from fluentsd_channel_phone.briefing import briefing
from fluentsd_channel_phone.completions import Model, ModelFailed
from fluentsd_channel_phone.evidence import Evidence
from fluentsd_channel_phone.phrases import phrases
from fluentsd_channel_phone.skills import Skills, Used
from fluentsd_channel_phone.speech import Speech
from fluentsd_channel_phone.transcript import Line, Transcript

#: Seconds without a word from the model, or from a skill, after which the person hears that it takes a moment.
FILLER_AFTER, SKILL_FILLER_AFTER = 2.5, 0.6
#: Seconds after a key in which another one belongs to the same turn of the person.
KEYS_TOGETHER = 0.6
#: Requests to the model in one turn, each after the use of skills.
ROUNDS_AT_MOST = 4
#: Times that the agent asks whether somebody is there, before it ends the call.
IDLE_PROMPTS = 2
#: Seconds to wait for the close after our end.
CLOSE_WITHIN = 5.0
#: Seconds that the goodbye after an opt-out waits for the opt-out to be recorded: who hears it is on the list.
RECORDED_WITHIN = 3.0
#: Close codes by which the other side ends in order.
IN_ORDER = (1000, 1001, 1005)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the call ends: the last words, and a transfer or none."""

    words: str
    transfer_to: str = ""


class Conversation:
    """One call. `opted_out` is called at once when the person opts out, because the call may still break; its event is
    set when the opt-out is recorded."""

    def __init__(
        self,
        agent: AgentSettings,
        variables: Mapping[str, str],
        model: Model,
        skills: Skills,
        opted_out: Callable[[str], trio.Event],
        evidence: Evidence | None = None,
    ) -> None:
        self.agent, self._model, self._skills, self._tell_opt_out = agent, model, skills, opted_out
        self.evidence = evidence or Evidence()
        self.transcript = Transcript()
        self.disposition: Disposition | None = None
        self.summary = ""
        self.callback_at: int | None = None
        self.transfer_to = ""
        self.is_over = False  #: ended by us
        self.broke = False  #: the socket ended without a close
        self._says = phrases(agent.language)
        self._log: list[Line | dict[str, Any]] = [*briefing(agent, variables, skills.here())]
        self._to_say = agent.opening
        self._ending: Ending | None = None
        self._recorded: trio.Event | None = None  #: the opt-out is
        self._asked, self._partial, self._is_typing = 0, "", False
        self._whole, self._one_socket = trio.CancelScope(), trio.Lock()
        self._turn, self._wanted = trio.CancelScope(), trio.Event()  #: replaced with each socket

    async def serve(self, socket: CallSocket) -> None:
        """Converse until the socket ends. Raises nothing of the other side's making."""
        self._whole.cancel()  # an earlier socket that has not noticed its end
        async with self._one_socket:
            await self._converse(socket)
        if not self.evidence.opted_out and self._partial and asks_to_stop(self._partial):
            self.transcript.add("person", self._partial)
            self._opt_out("asked to stop, in words")

    async def _converse(self, socket: CallSocket) -> None:
        self._socket, self._turn = socket, trio.CancelScope()
        self._speech = Speech(socket, self.transcript, self._log, self._says)
        self._wanted, self._idle = trio.Event(), trio.Event()
        self._active_at = trio.current_time()
        self.broke = False
        async with trio.open_nursery() as nursery:
            self._whole = nursery.cancel_scope
            nursery.start_soon(self._take_turns)
            nursery.start_soon(self._watch_silence)
            nursery.start_soon(self._limit_length)
            await self._read()
            nursery.cancel_scope.cancel()

    def resume(self) -> None:
        """Before `serve` with another socket: what is said first is that we were cut off."""
        self._to_say = self._says.cut_off

    def detected(self, answered_by: str) -> None:
        """The provider has found out whether a person or a machine answered."""
        self.evidence.answered_by = answered_by
        self._meet_machine()
        if self._meets_greeting_of_a_person():
            self._take_turn()

    # The person

    async def _read(self) -> None:
        is_set_up = False
        while True:
            try:
                frame = frames.read(await self._socket.receive())
            except SocketClosed as closed:
                self.broke = closed.code not in IN_ORDER
                return
            match frame:
                case frames.Setup() if not is_set_up:
                    is_set_up = True
                    self._meet_machine()  # if it was detected before
                    self._wanted.set()
                case frames.Prompt(text, last):
                    self._hear(text, last)
                case frames.Key(digit):
                    self._press(digit)
                case frames.Interrupt(heard):
                    self._interrupt(heard)
                case frames.Speaking(now):
                    self._speaking(now)
                case frames.Setup() | frames.Trouble() | frames.Strange():
                    pass  # it changes nothing

    def _hear(self, text: str, last: bool) -> None:
        self._active()
        if not last:
            self._partial = text
            return
        text, self._partial = text if text.strip() else self._partial, ""  # an empty end: what was heard so far counts
        if not text.strip():
            return
        self._is_typing = False
        earlier = self._unfinished()
        self.evidence.hear(text, waited=self._was_heard_out())
        self._log.append(self.transcript.add("person", text))
        if asks_to_stop(text) or (earlier and asks_to_stop(f"{earlier} {text}")):
            self._opt_out("asked to stop, in words")
        elif self.evidence.greetings and not self.evidence.spoke and not self._meets_greeting_of_a_person():
            self._turn.cancel()  # a machine gets no answer, not to the words before either
            self._meet_machine()
        elif self.evidence.turns > self.agent.turns:
            self._end(Ending(self._says.too_long))
        else:
            self._take_turn()

    def _unfinished(self) -> str:
        """The person's words just before, when the agent has said nothing since and no sentence was ended."""
        last = self.transcript.lines[-1] if self.transcript.lines else None
        return last.text if last and last.who == "person" and last.text.rstrip()[-1:] not in ".?!" else ""

    def _meets_greeting_of_a_person(self) -> bool:
        """Whether words that sound like a voicemail's have no answer, though the provider detects a person: people too
        say "she is not available"."""
        last = self.transcript.lines[-1] if self.transcript.lines else None
        is_silent = self.evidence.greetings > 0 and not self.evidence.spoke
        return is_silent and self.evidence.answered_by == "human" and last is not None and last.who == "person"

    def _was_heard_out(self) -> bool:
        """Whether the agent has spoken since the person's words just before, and was heard to the end."""
        last = self.transcript.lines[-1] if self.transcript.lines else None
        is_agents = last is not None and last.who == "agent" and last.heard is None
        return is_agents and self._speech.is_heard()

    def _press(self, digit: str) -> None:
        self._active()
        line = self.transcript.add("person", f"(pressed {digit})")
        if digit == self.agent.opt_out_key:
            self._opt_out(f"pressed {digit}, the opt-out key")
            return
        self.evidence.keys += 1
        self._is_typing = True
        self._log.append(line)
        self._take_turn()

    def _opt_out(self, how: str) -> None:
        if not self.evidence.opted_out:
            self.evidence.opted_out = how
            self._recorded = self._tell_opt_out(how)
        self._end(Ending(self._says.opted_out))

    def _interrupt(self, heard: str) -> None:
        self._active()
        if self._speech.line is not None:
            self._turn.cancel()
        self._speech.interrupted(heard)

    def _speaking(self, now: bool) -> None:
        self._active_at = trio.current_time()
        self._speech.speaking(now)

    def _active(self) -> None:
        """Somebody is there."""
        self._active_at, self._asked = trio.current_time(), 0

    # The agent

    def _take_turn(self) -> None:
        """Answer; an answer under way is given up."""
        if self._ending is None:
            self._turn.cancel()
            self._wanted.set()

    def _end(self, ending: Ending) -> None:
        """End the call with these words; the first ending counts."""
        if self._ending is None:
            self._ending = ending
            self._turn.cancel()
            self._wanted.set()

    async def _take_turns(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            if self._idle.is_set():
                self._idle = trio.Event()
            if self._ending is None:
                with trio.CancelScope() as self._turn:
                    await self._take_one()
            if self._ending is not None:
                await self._say_goodbye(self._ending)
                return
            self._idle.set()

    async def _take_one(self) -> None:
        self._speech.line = None
        try:
            if words := self._to_say:
                await trio.sleep(self.agent.start_delay_s)
                self._to_say = ""
                await self._speech.say(words)
            elif await self._answer():
                return
        finally:
            await self._speech.end_turn()

    async def _answer(self) -> bool:
        """One answer of the model, with the skills it uses; whether it ended the call."""
        if self._is_typing:
            await trio.sleep(KEYS_TOGETHER)  # the next key takes the turn away
            self._is_typing = False
        for _ in range(ROUNDS_AT_MOST):
            answer = await self._ask()
            if answer is None:
                return True
            if not answer.calls:
                if self._speech.line is None:
                    self._fail("the model said nothing")
                return self._speech.line is None
            if await self._use(answer):
                return True
        self._fail("the model uses skills without an end")
        return True

    async def _ask(self) -> Answer | None:
        """The model's answer, said as it comes; None when the model has failed."""
        failed = ""
        async with self._speech.filling(FILLER_AFTER):
            try:
                return await self._model.answer(self.agent, self._messages(), self._skills.offered, self._speech.say)
            except ModelFailed as why:
                failed = str(why)
        self._fail(failed)
        return None

    async def _use(self, answer: Answer) -> bool:
        """Use the skills that the model wants; whether that ended the call."""
        self._log.append(answer.wish)
        results = [tool_result(call.id, "the person spoke meanwhile; the result is not known") for call in answer.calls]
        self._log += results
        for call, result in zip(answer.calls, results, strict=True):
            async with self._speech.filling(SKILL_FILLER_AFTER):
                used = await self._skills.use(call.name, call.arguments)
            result["content"] = used.result
            if self._note(used, bool(answer.text.strip())):
                return True
        return False

    def _note(self, used: Used, has_spoken: bool) -> bool:
        """Keep what a skill came to; whether it ends the call."""
        self.disposition = used.disposition or self.disposition
        self.summary = used.summary or self.summary
        self.callback_at = used.callback_at or self.callback_at
        if used.opted_out:
            self._opt_out("asked to stop, as the agent understood")
        elif used.transfer_to:
            self.transfer_to = used.transfer_to
            self._end(Ending("" if has_spoken else self._says.transferring, used.transfer_to))
        elif used.ends:
            self._end(Ending("" if has_spoken else self._says.goodbye))
        return used.ends

    def _fail(self, why: str) -> None:
        self.evidence.failed = why
        self._end(Ending(self._says.broken))

    def _meet_machine(self) -> None:
        """End the call if a machine answered, after a message if there is one to leave."""
        if self.agent.continues_on_machine or not self.evidence.is_voicemail or not self.evidence.says_machine:
            return
        self._leave_message()

    def _leave_message(self) -> None:
        if self._ending is None:
            words = "" if self.evidence.answered_by == "fax" else self.agent.voicemail
            self.evidence.left_message = bool(words)
            self._end(Ending(words))

    async def _say_goodbye(self, ending: Ending) -> None:
        """The last words, the time to hear them, and the end of the call."""
        if self._recorded is not None:
            with trio.move_on_after(RECORDED_WITHIN):
                await self._recorded.wait()
        await self._speech.last_words(ending.words)
        self.is_over = True
        await self._speech.send(frames.end({"reason": "transfer" if ending.transfer_to else "end"}))
        await trio.sleep(CLOSE_WITHIN)
        self._whole.cancel()

    # Limits

    async def _watch_silence(self) -> None:
        """Ask whether somebody is there; after that, end the call."""
        while True:
            await self._idle.wait()
            due = max(self._active_at, self._speech.spoken_until) + self.agent.silence_s
            if trio.current_time() < due or not self._idle.is_set():
                await trio.sleep_until(due)
            elif self.evidence.is_voicemail and not self.agent.continues_on_machine:
                self._leave_message()
                return
            elif self._asked >= IDLE_PROMPTS:
                self._end(Ending(self._says.goodbye))
                return
            else:
                self._asked += 1
                self._to_say = self.agent.idle_prompt or self._says.still_there
                self._idle = trio.Event()
                self._wanted.set()

    async def _limit_length(self) -> None:
        await trio.sleep(self.agent.length_s)
        self._end(Ending(self._says.too_long))

    def _messages(self) -> list[dict[str, Any]]:
        """The conversation as the model gets it; of what was cut off, only what was heard. It ends with what is to be
        answered: a sentence of ours that covers the wait is none, and some services refuse it there."""
        entries = self._log[:-1] if self._speech.line is not None and self._log[-1] is self._speech.line else self._log
        return [_message(entry) if isinstance(entry, Line) else entry for entry in entries]


def _message(line: Line) -> dict[str, Any]:
    if line.who == "person":
        return {"role": "user", "content": line.text}
    heard = line.text if line.heard is None else f"{line.heard.rstrip()} [interrupted]"
    return {"role": "assistant", "content": heard}
