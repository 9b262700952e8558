"""The analysis of one conversation: the phone channel asks a model, and what of its answer counts is decided here.

An answer that does not keep the schema, and a model that stays away for too long, end in a problem; a model that is
unavailable now is asked again. What must not live here: what is kept of the analysis, and what follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trio

from fluentsd.api import AnalysisRequest, NeedsHuman, Outcome, Rejected, Unavailable, in_words
from fluentsd.domain.analysis import Analysis, AnalysisSettings, read_analysis, schema_of
from fluentsd.domain.compiled_agent import CompiledAgent, unrendered
from fluentsd.text import LINE_AT_MOST, clean

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

#: Seconds until the next try while the channel waits for a person; seconds for one analysis.
PERSON_AGAIN, ANALYSED_WITHIN = 600.0, 120.0
STOPPED = "asked to stop, as the analysis of the conversation understood"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation to be analysed. `gives_up_at` (epoch microseconds): a model that stays away is given up then."""

    outcome: str
    transcript: str = field(repr=False)
    gives_up_at: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What the analysis found: nothing (none was asked for), an analysis, or a problem."""

    analysis: Analysis | None = field(default=None, repr=False)
    problem: str = ""

    @property
    def kept(self) -> Mapping[str, Any]:
        """The values, as they are kept with the person's words."""
        found = self.analysis or Analysis()
        return {"fields": dict(found.fields), "writes": {source: dict(one) for source, one in found.writes.items()}}


async def analyse(runtime: Runtime, compiled: CompiledAgent | None, conversation: Conversation) -> Finding:
    """Analyse one conversation, if its agent's file asks for it and somebody spoke. Raises `Unavailable` or OSError
    when it has to be tried again."""
    settings = compiled.agent.analysis if compiled is not None else None
    if compiled is None or settings is None or not conversation.transcript.strip():
        return Finding()
    try:
        with trio.fail_after(ANALYSED_WITHIN):
            return Finding(read_analysis(await _ask(runtime, compiled, settings, conversation), settings))
    except (Rejected, ValueError) as why:
        return Finding(problem=clean(str(why), LINE_AT_MOST))
    except (Unavailable, NeedsHuman, OSError, trio.TooSlowError) as why:
        if runtime.clock.now() > conversation.gives_up_at:
            return Finding(problem=clean(f"no analysis in time: {why}", LINE_AT_MOST))
        if isinstance(why, NeedsHuman):
            raise Unavailable(str(why), PERSON_AGAIN) from why
        raise
    except Exception as why:  # noqa: BLE001 - the guard at the edge of each call to a plugin
        return Finding(problem=clean(f"the phone channel's analysis broke: {in_words(why)}", LINE_AT_MOST))


async def _ask(runtime: Runtime, compiled: CompiledAgent, settings: AnalysisSettings, about: Conversation) -> object:
    """The channel's answer, which is not checked yet."""
    state = runtime.channels.get("phone")
    if state is None or state.abilities.analyses is None:
        raise Rejected("the phone channel analyses no calls")
    request = AnalysisRequest(
        unrendered(compiled.agent, compiled.version), Outcome(about.outcome), about.transcript, settings.instructions,
        schema_of(settings),
    )  # fmt: skip
    return await state.abilities.analyses.analyse(request)
