"""The subjects by which automatic replies are known when a gateway has removed the headers of robots.

Here lives one pattern; other signs of a robot are in `inbound`.
"""

# ruff: noqa: E501 - a pattern is read as a whole
from __future__ import annotations

import re

#: Below tags of gateways such as [EXTERNAL].
ROBOT_SUBJECT = re.compile(
    r"^\s*(?:(?:\[[^\]]{1,40}\]|[(*]{1,3}[\w ]{1,30}[)*]{1,3}|ext(?:ern(?:al)?)?(?: e?-?mail)? ?[:\-])\s*)*"
    r"[【〔]?(?:auto(?:matic|mated|matische)?[- ]?(?:reply|response|antwort|reactie|bericht)\b|out of (?:the )?office\b|ooo\b|abwesenheit|"
    r"automatische antwort|réponse automatique|respuesta automática|risposta automatica|automatisch antwoord|"
    r"resposta automática|on vacation\b|autosvar|automatic answer|abwesend\b|fuera de (?:la )?oficina|"
    r"absence du bureau|fora do escritório|fuori (?:sede|ufficio)|afwezig|"
    r"automatiskt svar|automatisk svar|automaattinen vastaus|auto-?odpowiedź|odpowiedź automatyczna"
    r"|automatyczna odpowied|автоответ|автоматический ответ|автоматична відповідь|αυτόματη απάντηση|otomatik yanıt|automatická odpově"
    r"|自動(?:応答|返信|送信|配信|回覆)|自动(?:回复|答复)|자동 ?(?:회신|응답|답장)|不在|(?:réponse|message|notification) d['’]absence"
    r"|auto-?r(?:espuesta|isposta|esposta)|contestación automática|risponditore automatico|автоматическ\w+ (?:уведомление|сообщение)"
    r"|aviso de (?:férias|ausência|vacaciones)"
    # a single word stands alone or before our subject: a person may write of absences too
    r"|(?:ausente|ausência(?: temporária)?|assente|absence|absente?|urlaub|im urlaub|nicht im büro|vacaciones|de vacaciones|férias|de férias|ferie|in ferie"
    r"|congés?|en congés?|niet aanwezig|vakantie|met vakantie|urlop|na urlopie|отпуск|в отпуске|нет на месте|меня нет|休暇\w{0,4}|away"
    r"|on leave|vacation|holiday|auto)\s*(?:[:：–-]|$)"
    r"|resposta de ausência|absent(?:e)? du bureau|poza biurem|nieobecno|вне офиса|отсутствую)",
    re.IGNORECASE,
)
