"""Reads automatic replies: whether the person is away and when they return, or whether our mail was stopped.

The words around a date give its meaning: "back on X" is X, "until X" the day after, "from X" a start. A text without a
date means `SOME_DAYS`. dateparser was considered: it finds dates but not their meaning, has the right one in three
quarters of the tests' corpus, and takes seconds for four kilobytes of a hostile text. So the few rules needed are here,
tested with that corpus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from fluentsd_channel_email.out_of_office import words as words_of
from fluentsd_channel_email.out_of_office.dates import Mention, mentions, months, plain, weekdays

#: Languages that put the month before the day.
_MONTH_FIRST = frozenset({"en", "ja"})
#: The length of an absence without a date.
SOME_DAYS = timedelta(days=3)
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
#: Of two readings of a date, the later one is preferred only within this time, the engine's limit of an absence.
_BELIEVED = timedelta(days=60)
#: The most characters of the text that are read, and around a date for its meaning.
_READ_AT_MOST, _AROUND = 4_000, 60
#: A full stop after a number does not end a sentence.
_SENTENCE_ENDS = re.compile(r"[!?;]|(?<![\d ])\.(?= |$)| \. ")


def is_stopped(subject: str, text: str) -> bool:
    """Whether the reply is from a mail filter, so that it does not prove that the mail arrived."""
    return words_of.STOPPED.search(_own_text(subject, text)) is not None


def back_on(subject: str, text: str, on: date) -> date | None:
    """The day of the person's return, by an automatic reply of the day `on`; None when it reports no absence. The day
    may have passed."""
    words = _own_text(subject, text)
    languages = {name for name, away in words_of.AWAY.items() if away.search(words)}
    if not languages or words_of.GONE.search(words):
        return None
    return _Reading(words, on, day_first=not languages <= _MONTH_FIRST).back()


def _own_text(subject: str, text: str) -> str:
    """The reply's own text. After a colon in the subject comes mostly our subject, which may contain a date."""
    return plain(f"{subject.partition(':')[0]}\n\n{text[:_READ_AT_MOST]}")


class _Reading:
    """One text that reports an absence."""

    def __init__(self, text: str, on: date, *, day_first: bool) -> None:
        self.text, self.on = text, on
        self.named = mentions(text, on, day_first=day_first)
        self.ends = [0, *(match.end() for match in _SENTENCE_ENDS.finditer(text)), len(text)]
        self.returns: list[date] = []  #: days of return
        self.lasts: list[date] = []  #: last days of absence
        self.starts: list[date] = []
        self.singles: list[date] = []  #: other dates in a sentence about an absence

    def back(self) -> date:
        """The day of return. Dates count before names of days, and "back on" before "until"."""
        for mention, since, until in self._neighbours():
            self._sort(mention, *self._around(since, mention.start, mention.end, until))
        if found := self.returns or [day + _DAY for day in self.lasts]:
            return max(found)
        self._sort_names()
        ended = [day + _DAY for day in self.lasts + self.singles]
        if found := self.returns or ended or [*self._spans(), *self._today()]:
            return max(found)
        return max([self.on, *self.starts]) + SOME_DAYS

    def _neighbours(self) -> Iterator[tuple[Mention, int, int]]:
        """Each date, with the end of the previous one and the start of the next."""
        edges = [0, *(mention.end for mention in self.named)]
        starts = [*(mention.start for mention in self.named[1:]), len(self.text)]
        return zip(self.named, edges, starts, strict=False)

    def _around(self, since: int, start: int, end: int, until: int) -> tuple[str, str]:
        """The text of the sentence before and after a position."""
        since = max(since, start - _AROUND, *(at for at in self.ends if at <= start))
        until = min(until, end + _AROUND, *(at for at in self.ends if at >= end))
        return self.text[since:start], self.text[end:until]

    def _sort(self, mention: Mention, before: str, after: str) -> None:
        day = self._later(mention.days)
        begins = words_of.FROM_AFTER.match(after) or words_of.FROM.search(before)
        ends = mention.is_end or words_of.UNTIL_AFTER.match(after) or words_of.UNTIL.search(before)
        if words_of.BACK.search(before) and not mention.is_end:  # "not back until the 30th", too
            self.returns.append(day)
        elif ends:
            self.lasts.append(day)
        elif (words_of.AGAIN if begins else words_of.BACK).search(after):
            self.returns.append(day)
        elif begins:
            self.starts.append(day)
        elif self._is_about_absence(mention.start):
            self.singles.append(day)

    def _later(self, days: tuple[date, ...]) -> date:
        """The later of two readings within the limit of an absence."""
        ahead = [day for day in days if self.on <= day <= self.on + _BELIEVED]
        return max(ahead) if ahead else min(days, key=lambda day: abs(day - self.on))

    def _is_about_absence(self, at: int) -> bool:
        since, until = max(end for end in self.ends if end <= at), min(end for end in self.ends if end >= at)
        return any(away.search(self.text, since, until) for away in words_of.AWAY.values())

    def _sort_names(self) -> None:
        """Weekdays and months: they count only with words for the end of an absence."""
        for start, end, day in self._names():
            before, after = self._around(0, start, end, len(self.text))
            if words_of.BACK.search(before) or (after.startswith(" ") and words_of.BACK.match(after, 1)):
                self.returns.append(day if day > self.on else day + _WEEK)
            elif words_of.UNTIL_AFTER.match(after) or words_of.UNTIL.search(before):
                self.lasts.append(day)
            elif words_of.BACK.search(after):
                self.returns.append(day if day > self.on else day + _WEEK)

    def _names(self) -> Iterator[tuple[int, int, date]]:
        for start, end, weekday in weekdays(self.text):
            if not any(0 <= mention.start - end <= 8 for mention in self.named):  # "Monday, 30 November" is that day
                yield start, end, self.on + timedelta(days=(weekday - self.on.weekday()) % 7)
        for match in words_of.TOMORROW.finditer(self.text):
            yield match.start(), match.end(), self.on + _DAY
        for match in words_of.NEXT_WEEK.finditer(self.text):
            yield match.start(), match.end(), self.on + _WEEK - timedelta(days=self.on.weekday())
        yield from months(self.text, self.on)

    def _spans(self) -> Iterator[date]:
        """ "For two weeks"."""
        for match in words_of.SPAN.finditer(self.text):
            count = words_of.NUMBERS.get(match[1]) or int(match[1])
            yield self.on + count * (_WEEK if match[2] == "week" else _DAY)

    def _today(self) -> Iterator[date]:
        """ "I am out of the office today"."""
        for match in words_of.TODAY.finditer(self.text):
            if self._is_about_absence(match.start()):
                yield self.on + _DAY
