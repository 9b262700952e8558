"""Subjects and sentences by which automatic replies are known when a gateway has removed the headers of robots.

Here live the two patterns; other signs of a robot are in `inbound`. A text counts only when it says of itself that a
program wrote it, or that nobody reads the mailbox: a person writes of absences too.
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
    r"|(?:undeliverable|mail delivery (?:failed|subsystem)|delivery (?:status notification|failure|has failed)|returned mail|failure notice)\b"
    r"|(?:your |ihre? |votre |su )?(?:ticket|case|request|enquiry|inquiry|message|e-?mail|anfrage|nachricht|demande|solicitud)\b[^:]{0,24}"
    r"\b(?:has been |was |is |wurde |ist |bei uns |a été )*(?:received|created|opened|eingegangen|erhalten|reçue?|recibida?)\b"
    r"|automatické odpově|ledig\s*[:：]|fraværende|poissa(?: toimistolta)?\s*[:：]"
    r"|resposta de ausência|absent(?:e)? du bureau|poza biurem|nieobecno|вне офиса|отсутствую)",
    re.IGNORECASE,
)

_MAIL = r"(?:e-?mail|mail|message|reply|response|answer|confirmation|notification|acknowledge?ment)"
#: A sentence in which a text says that a program wrote it, or that nobody reads the mailbox.
ROBOT_TEXT = re.compile(
    rf"\bthis (?:is|was) an? (?:auto(?:mated|matic|matically[- ]\w+)?[- ]?(?:generated |sent )?){_MAIL}\b"
    rf"|\b(?:this|the) {_MAIL} (?:is|was|has been) (?:sent automatically|(?:automatically|auto)[- ]?(?:generated|sent|created))\b"
    rf"|\b(?:do not|don['’]t) (?:reply|respond) (?:directly )?to this (?:auto\w* )?{_MAIL}\b|\bsent automatically\s*$"
    r"|\bthis (?:mailbox|inbox|account|address|e-?mail(?: address| account)?) (?:is|has been) (?:no longer|not)"
    r" (?:being )?(?:monitored|in use|active|checked|read)\b"
    r"|\bdies ist eine automatisch\w*\b|\b(?:nachricht|e-?mail|antwort) wurde automatisch\b"
    r"|\bnicht auf diese (?:automatische )?(?:e-?mail|nachricht|mail)\b"
    r"|\bceci est (?:un|une) (?:message|réponse|e-?mail) automatique\b|\b(?:envoyé|généré)e? automatiquement\b|\bne pas répondre à ce (?:message|mail|courriel)\b"
    r"|\b(?:est[ea] es un(?:a)?|este) (?:mensaje|respuesta|correo) automátic[oa]\b|\b(?:enviado|generado) automáticamente\b|\bno respond(?:a|er) (?:a )?este (?:mensaje|correo)\b"
    r"|\b(?:esta é uma|este é um) (?:mensagem|resposta|e-?mail) automátic[oa]\b|\b(?:enviad[oa]|gerad[oa]) automaticamente\b|\bnão respond(?:a|er) (?:a )?est[ea] (?:mensagem|e-?mail)\b"
    r"|\bquest[oa] è un(?:a)? (?:messaggio|risposta|e-?mail) automatic[oa]\b|\b(?:inviat[oa]|generat[oa]) automaticamente\b|\bnon rispondere a quest[oa]\b"
    r"|\bdit is een automatisch\w*\b|\bautomatisch (?:gegenereerd|verzonden|verstuurd)\b|\bniet (?:te reageren )?op dit (?:bericht|e-?mail)\b"
    r"|\b(?:wygenerowan|wysłan)[ay] automatycznie\b|\bnie odpowiadać na (?:tę|ten)\b|\bto jest automatyczna\b"
    r"|\bэто автоматическ\w+ (?:ответ|сообщение|письмо)|\b(?:создано|отправлено|сформировано) автоматически\b|\bне отвечайте на это\b"
    r"|このメールは(?:システムから)?自動|自動(?:送信|返信|配信)(?:メール|です|されて)|返信しないでください|此邮件(?:为|由系统)自动|请勿(?:直接)?回复(?:本|此)",
    re.IGNORECASE | re.MULTILINE,
)
