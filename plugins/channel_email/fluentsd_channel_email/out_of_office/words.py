"""Words of absence in automatic replies, in ten languages; no decision is made here.

Written as `dates.plain` normalises a text: lower case, no accents, "ss" for "ß", "l" for "ł". Every entry matches whole
words, but for Japanese, which has no blanks between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from fluentsd_channel_email.out_of_office.dates import plain


def _any(*words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words)})\b")


def _joined(*words: str) -> re.Pattern[str]:
    """The same without ends of words, for a language without blanks."""
    return re.compile("|".join(map(plain, words)))


#: An absence; by language.
AWAY: Mapping[str, re.Pattern[str]] = {
    "en": _any(
        r"out[ -]of[ -](?:the |my |our )?office", "ooo", "oooto", "pto", "not in the office", "off (?:work|sick)",
        r"away from (?:the |my )?(?:office|desk|e-?mail|mail|work)", "return to (?:the office|work)",
        "not be available", r"(?:on|taking) (?:\w+ )?(?:leave|vacation|holidays?|sabbatical)", "back in the office",
        r"(?:i'm|i am|i'll be|i will be|we are) (?:currently |now )?(?:away|out|off|travell?ing)",
        r"(?:i'm|i am|be) (?:currently )?(?:not available|unavailable)",
        r"(?:limited|no|sporadic) access to (?:my )?e-?mails?",
        r"(?:offices?|we|practice|shop) (?:is|are|will be) closed(?! (?:on|at|every) (?:the )?(?:week|sat|sun|night))",
    ),
    "de": _any(
        "nicht (?:im|in meinem|in unserem) (?:buro|hause?|dienst)", "nicht (?:zu erreichen|erreichbar|verfugbar)",
        "ausser haus", r"abwesen\w+", "(?:im|in) urlaub", "elternzeit", "mutterschutz", "betriebsferien", "geschlossen",
        "krank(?:geschrieben)?", "dienstreise", "wieder (?:erreichbar|im buro|im hause?|fur sie da)", "ins buro zuruck",
    ),
    "es": _any(
        "fuera de (?:la |mi )?oficina", "de vacaciones", "ausente", "ausencia", "de baja", "de viaje",
        "no puedo (?:atender|responder|contestar)", "vacaciones", r"cerrad[oa]s? (?:por|hasta|del?)",
        "(?:re)?incorporo",
        "permiso de (?:ma|pa)ternidad", "no est(?:oy|are) (?:disponible|en la oficina)", r"oficinas? \w+ cerradas?",
    ),
    "fr": _any(
        "absent(?:e|s|es)?", "absence", "(?:en|mes) conges?", r"conge (?:mater|pater|paren)\w+", "en vacances",
        "en deplacement", "hors (?:du|de mon) bureau", "arret (?:maladie|de travail)", r"bureaux? \w+ fermes?",
        "indisponible", "pas (?:disponible|au bureau)", r"(?:est|sera|sont|seront) fermee?s?", "conges",
    ),
    "pt": _any(
        "fora d[oae] (?:escritorio|empresa)", "(?:de|em) ferias", "ausente", "ausencia", "(?:de|em) licenca",
        "baixa medica", "em viagem", "regresso ao escritorio", r"escritorios? \w+ (?:fechad|encerrad)os?",
        "indisponivel", "(?:minhas )?ferias", "retornarei", "voltarei", "volto",
        r"(?:escritorio|empresa|loja) \w+ fechad\w",
    ),
    "it": _any(
        "fuori (?:ufficio|sede)", "in ferie", "assente", "assenza", "in (?:malattia|congedo|maternita|trasferta)",
        r"(?:uffici\w?|negozio|sede) \w+ chius[oaie]", "ferie", "saro via",
        "non (?:sono|saro) (?:disponibile|in ufficio)",
    ),
    "nl": _any(
        r"afwezig\w*", "niet (?:op|in) (?:het )?kantoor", "(?:met|op) vakantie", r"met (?:\w+)?verlof", "ziek",
        "niet (?:aanwezig|beschikbaar)", "weer (?:bereikbaar|aanwezig|op kantoor|terug)",
        r"(?:kanto\w+|winkel|praktijk) \w+ gesloten",
        "zakenreis", "vakantie", "ben ik (?:er )?(?:vrij|weg)", "ben ik er weer", "afwezigheid",
    ),
    "pl": _any(
        r"urlop\w*", "nie ma mnie", "nie bedzie mnie", "poza biurem", r"nieobecn\w+", r"zwolnieni\w+", "w delegacji",
        r"nieczynn\w+", r"(?:biuro|firma|sklep) \w+ zamkniet\w+", "wracam", "w podrozy",
    ),
    "ru": _any(
        r"отпуск\w*", "нет на месте", "меня (?:не будет|нет)", r"командировк\w+", r"больничн\w+", "вне офиса",
        r"отсутству\w+", r"(?:офис|магазин) (?:\w+ )?закрыт\w*", r"декрет\w*", "болею", "буду на работе",
    ),
    "ja": _joined(
        "休暇", "不在", "休業", "休みま", "お休み", "出張", "休職", "産休", "外出し", "有給", "留守", "休診",
        "出社いたし", "出社し", "復帰",
    ),
}  # fmt: skip
#: A person who has left for good is not away.
GONE = _any(
    "no longer (?:work|with|employed|at|part of|in the office)", "my last day", r"non lavor\w+ piu", "werkt? niet meer",
    "left (?:the )?(?:company|organi[sz]ation|firm|business)", "(?:bin|arbeite|ist) nicht mehr", "ausgeschieden",
    r"ya no (?:trabaj|form)\w+", "ne travaille plus", r"quitte (?:la|cette|mes)", "quitte l'", "ja nao trabalho",
    "nao trabalho mais", "niet meer (?:werkzaam|in dienst)", "plus partie", "nie pracuje", "не работаю", r"\w*退職\w*",
)  # fmt: skip
#: A mail filter, or a server that knows no such person.
STOPPED = _any(
    "held", "quarantined", "blocked", "rejected", "refused", "not (?:been |be )?delivered", r"undeliver\w+",
    "delivery (?:has )?failed", "to have it delivered", "mailbox (?:is )?(?:full|unavailable)", "no such user",
    "(?:user|address) unknown", "nicht (?:zustellbar|zugestellt|ausgeliefert)", "n'a pas pu etre", "non remis",
    r"no (?:se )?(?:ha podido|pudo) (?:ser )?entreg\w+", "nao (?:foi|pode ser) entregue",
    r"non (?:e stato )?(?:recapitat|consegnat)\w", "niet (?:worden )?bezorgd",
)  # fmt: skip
#: Near a date: the day of return.
BACK = _any(
    "(?<!get )(?<!call )(?<!call you )(?<!write )back(?! to you)", "return(?:s|ing)?", r"reopen\w*",
    "resum(?:e|es|ing)", "(?:available|reachable) again", "wieder", "zuruck", "kehre", r"regres\w+", "vuelvo",
    r"volver\w*", "de vuelta", r"retour\w*", r"revien\w+", r"reviendr\w+", "volto", "voltarei",
    r"retorn\w+", r"rientr\w+", "torn(?:o|ero)", "di nuovo", "terug", "weer", r"reincorpor\w+", r"reabr\w+",
    "reapertura", r"re?ouvr\w+", "reouverture", r"riapr\w+", "riapertura", r"heropen\w*", "wracam", "wroce",
    r"powrot\w*", "bede (?:z powrotem|dostepn[ya]|w biurze)", "ponownie", "вернусь", "выиду", "выхожу", r"возвращ\w+",
    r"буду (?:на работе|на месте|в офисе|на связи|доступ\w+)", plain(r"\w*(?:出社|復帰|戻り|戻る|再開|出勤)\w*"),
)  # fmt: skip
#: With "from" and a date: the presence starts.
AGAIN = _any(
    "again",
    "wieder",
    "weer",
    "di nuovo",
    "de nuevo",
    "de nouveau",
    "novamente",
    "de retour",
    "zuruck",
    "terug",
    plain(r"\w*(?:出社|復帰)\w*"),
)
#: Words between "until" or "from" and the date.
_FILL = (
    r"(?: ?(?:the|zum|und|mit|einschliesslich|einschl\.|including|el|le|il|o|den|dem|der|de|on|dia|met|en|,"
    r"|(?:mon|tue|wed|thu|fri|sat|sun)\w*\.?|\w+(?:tag|di|-feira|dag)|mittwoch|lunes|martes|miercoles|jueves|viernes"
    r"|dnia|poniedzialku|wtorku|srody|czwartku|piatku|понедельника|вторника|среды|четверга|пятницы)){0,6} ?$"
)
UNTIL = re.compile(
    r"(?:\b(?:until|till|til|through|thru|to|bis|hasta|jusqu'?(?:a|au|aux)|au|al|a|ate|ao|fino al?|tot|t/m|and|und"
    r"|do\b(?! dia)|до|по)"
    r"|[\d.] ?(?:-|y|e|et|en))" + _FILL
)
FROM = re.compile(
    r"\b(?:from|starting|beginning|since|as of|vom|von|ab|seit|desde|del|du|depuis|a partir d\w+|des|dal|van|vanaf"
    r"|sinds|od|с|со|w dniach)\b" + _FILL
)
#: After a date, where a language puts the word there.
UNTIL_AFTER, FROM_AFTER = re.compile(rf" ?{plain('まで')}| ?迄"), re.compile(" ?(?:から|より)")
TODAY = _any("today", "heute", "hoy", "aujourd'hui", "hoje", "oggi", "vandaag", "dzis", "dzisiaj", "сегодня")
TOMORROW = _any("tomorrow", "morgen", "manana", "demain", "amanha", "domani", "jutro", "завтра")
NEXT_WEEK = _any(
    "next week", "nachste woche", "proxima semana", "semaine prochaine", "settimana prossima", "volgende week"
)
NUMBERS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4}
SPAN = re.compile(r"\bfor (?:the )?(?:next |coming )?(\d\d?|a|one|two|three|four) (day|week)s?\b")
