"""The sentences that are ours and no model's, in English and Spanish; other languages get English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences."""

    opted_out: str
    goodbye: str
    too_long: str
    still_there: str
    filler: str
    still_waiting: str
    broken: str
    cut_off: str
    transferring: str
    nobody_there: str
    announcement: str


_ENGLISH = Phrases(
    opted_out="Understood. You will not be contacted again. Goodbye.",
    goodbye="Thank you for your time. Goodbye.",
    too_long="I have to end the call here. Thank you for your time. Goodbye.",
    still_there="Are you still there?",
    filler="One moment, please.",
    still_waiting="It takes a little longer. Please stay on the line.",
    broken="I am sorry, I have a technical problem and must end this call. Goodbye.",
    cut_off="I am sorry, we were cut off for a moment. Please go on.",
    transferring="I am connecting you now.",
    nobody_there="I am sorry, nobody is available at the moment. Goodbye.",
    announcement="Thank you for calling. Nobody can take your call. To receive no more calls from us, press {key}.",
)
_SPANISH = Phrases(
    opted_out="Entendido. No volveremos a contactarle. Adiós.",
    goodbye="Gracias por su tiempo. Adiós.",
    too_long="Tengo que terminar la llamada aquí. Gracias por su tiempo. Adiós.",
    still_there="¿Sigue ahí?",
    filler="Un momento, por favor.",
    still_waiting="Tarda un poco más. No cuelgue, por favor.",
    broken="Lo siento, tengo un problema técnico y debo terminar la llamada. Adiós.",
    cut_off="Disculpe, se cortó un momento. Continúe, por favor.",
    transferring="Le comunico ahora.",
    nobody_there="Lo siento, no hay nadie disponible en este momento. Adiós.",
    announcement="Gracias por llamar. Nadie puede atenderle. Para no recibir más llamadas nuestras, pulse {key}.",
)
_BY_LANGUAGE: Mapping[str, Phrases] = {"en": _ENGLISH, "es": _SPANISH}


def phrases(language: str) -> Phrases:
    """The sentences of a language tag like "es-MX"."""
    return _BY_LANGUAGE.get(language.partition("-")[0].lower(), _ENGLISH)
