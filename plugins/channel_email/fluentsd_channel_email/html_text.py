"""HTML to plain text: for a mail's text part, and for reading replies."""

from __future__ import annotations

import re
from html.parser import HTMLParser

#: Only this much HTML is read, characters.
READ_AT_MOST = 200_000
_NO_TAG = re.compile(r"<(?![a-zA-Z/!?][^<>]{0,4000}>)")
#: The start of the quoted mail by mail program: Gmail, Outlook (three of them), Yahoo, Proton, Thunderbird.
_QUOTE_BEGINS = re.compile(
    r"<[a-z]{1,10}\b[^<>]{0,200}\b(?:class|id)\s*=\s*[\"']?[^\"'<>]{0,80}\b"
    r"(?:gmail_quote|gmail_attr|appendonsend|divRplyFwdMsg|mail-editor-reference-message-container|yahoo_quoted"
    r"|protonmail_quote|moz-cite-prefix|zmail_extra|OutlookMessageHeader)\b",
    re.IGNORECASE,
)


def text_of(markup: str, *, quotes: bool = True) -> str:
    """The text, blocks on their own lines, links followed by their URL; without quotation blocks if `quotes` is
    False."""
    reader = _Words(frozenset() if quotes else frozenset(("blockquote",)))
    reader.feed(markup[:READ_AT_MOST])
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.words).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def answer_of(markup: str) -> str:
    """The text above the quoted mail; if that is empty, the text outside quotation blocks."""
    markup = _sanitised(markup[:READ_AT_MOST])
    begins = _QUOTE_BEGINS.search(markup)
    above = text_of(markup[: begins.start()], quotes=False) if begins else ""
    return above or text_of(markup, quotes=False)


def _sanitised(markup: str) -> str:
    """Untrusted markup without comments, and with "<" escaped where it begins no tag: the parser's time is quadratic in
    the number of those."""
    pieces, at = [], 0
    while (begins := markup.find("<!--", at)) >= 0:
        pieces.append(markup[at:begins])
        ends = markup.find("-->", begins)
        at = ends + 3 if ends >= 0 else len(markup)
    return _NO_TAG.sub("&lt;", "".join([*pieces, markup[at:]]))


class _Words(HTMLParser):
    """Collects the visible text."""

    BLOCKS = frozenset(
        "p,div,br,tr,li,ul,ol,table,h1,h2,h3,h4,h5,h6,blockquote,hr,section,header,footer".split(",")  # noqa: SIM905
    )
    SPACED = frozenset(("p", "ul", "ol", "table", "h1", "h2", "h3"))
    UNSEEN = frozenset(("script", "style", "head", "title", "template"))

    def __init__(self, left_out: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._left_out = self.UNSEEN | left_out
        self.words: list[str] = []
        self._unseen = 0
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._left_out:
            self._unseen += 1
        elif self._unseen:
            return
        elif tag in self.BLOCKS:
            self.words.append("\n- " if tag == "li" else "\n")
        elif tag == "a":
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._left_out:
            self._unseen = max(0, self._unseen - 1)
        elif self._unseen:
            return
        elif tag in self.BLOCKS:
            self.words.append("\n\n" if tag in self.SPACED else "\n")
        elif tag == "a" and self._link:
            if not self.words or self.words[-1].strip() != self._link:
                self.words.append(f" ({self._link})")
            self._link = ""

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(re.sub(r"\s+", " ", data))
