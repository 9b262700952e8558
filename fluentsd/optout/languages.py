"""Opt-out words and phrases in some twenty languages other than English and Spanish; see `optout.words` for those.

Here live patterns over a normalised text and nothing else. They are written as people write and folded as texts are
(`fold`): without case and accents, with the letters of every script. Every repetition matches in one way only.
"""

# ruff: noqa: E501 - a pattern is read as a whole
from __future__ import annotations

import re
import unicodedata

#: Letters that no decomposition takes apart, and that people type without their stroke.
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i"})


def fold(text: str) -> str:
    """The letters of a text without case and without accents, in any script."""
    marked = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold().translate(_STROKES))
    return "".join(char for char in marked if not unicodedata.combining(char))


def _any(words: str) -> str:
    return f"(?:{'|'.join(word.strip() for word in words.split(','))})"


#: The whole text is one of these, perhaps with courtesy around it.
_ALONE = _any(
    """
    abmelden, abmeldung, abbestellen, austragen, stoppe?n?, stopp, löschen, widerspruch, kündigen, aufhören, schluss,
    arreter, arretez, arrêt, désabonner, désabonnement, désinscrire, désinscription, stopper, résilier, supprimer,
    sair, parar, pare, cancelar, descadastrar, descadastro, remover, chega,
    basta, basta così, disiscrivi(?:mi)?, disiscrizione, cancella(?:mi|temi)?, annulla, rimuovi(?:mi)?, rimuovetemi, disdici,
    disdire, fermati, fermatevi, smettila, smettetela,
    afmelden, afmelding, afmeld, uitschrijven, uitschrijving, stoppen, opzeggen, ophouden,
    rezygnuję, rezygnacja, wypisz, anuluj, usuń, przestań, przestańcie, koniec,
    стоп, стап, отписка, отписаться, отпишите, отпишись, отказ, отказываюсь, отмена, хватит, прекратите, удалить,
    avregistrera, avsluta, avmeld, avmelde, sluta, slutt, lopeta, peru, stands, dur, iptal, ret, στοπ, διακοπή,
    停止, 配信停止, ストップ, 解除, 配信解除, 退会, 中止, やめて, やめてください, 不要, td, 退订, 退訂, 取消订阅, 取消訂閱,
    拒收, 수신거부, 수신 거부, 그만, 중지, 해지, 거부, إيقاف, توقف, إلغاء, الغاء, הסר, הפסק, रोकें, बंद
    """
)
_COURTESY = _any(
    """
    bitte, danke, sofort, jetzt, hallo, svp, stp, merci, bonjour, maintenant, por favor, obrigad[oa], già, subito,
    per favore, grazie, ciao, aub, alstublieft, graag, bedankt, dank u, nu, hallo, proszę, dziękuję, пожалуйста, спасибо,
    hi, hey, hello, thanks, thank you, please, tack, takk, tak, kiitos, お願いします, 请, 請, ok, sms, newsletter, mich, moi, mi, me, mij, mnie, меня, alles, tout
    """
)
REQUEST = re.compile(fold(rf"\|(?: (?:{_COURTESY}|\|))* {_ALONE}(?: (?:{_COURTESY}|{_ALONE}|\|))*"))

#: Postponed, or at another hour: no opt-out.
_LATER = (
    r"(?! (?:vor|nach|heute|jetzt|gerade|derzeit|momentan|aktuell|im moment|zur zeit|um \d|am \w+tag|zwischen|während"
    r"|avant|après|aujourdhui|maintenant|pour le moment|pour linstant|entre|le (?:matin|soir|weekend)|pendant"
    r"|antes|depois|agora|hoje|amanhã|por enquanto|no momento|durante|de manhã"
    r"|prima|dopo|ora|oggi|domani|adesso|per ora|al momento|tra le|voor|na \d|nu|vandaag|morgen|op dit moment|tussen"
    r"|до|после|сейчас|сегодня|завтра|пока|утром|вечером|przed|po \d|teraz|dziś|jutro|dzisiaj|na razie|w tej chwili"
    r")\b)"
)
#: Words that put a refusal off, before it or after it.
_NOW = (
    r"(?:im moment|derzeit|momentan|aktuell|gerade|zur zeit|zurzeit|jetzt|heute|pour le moment|pour l ?instant|actuellement|agora|no momento"
    r"|por enquanto|atualmente|hoje|per ora|al momento|adesso|per adesso|oggi|nu|op dit moment|voorlopig|momenteel|na razie|teraz|obecnie"
    r"|w tej chwili|пока|сейчас|на данный момент|por ahora|ahora|ahorita|de momento|por el momento)"
)
_NO_INTEREST = (
    r"(?:kein interesse|nicht interessiert|pas (?:\w+ )?intéressé?\w*|não (?:tenho interesse|estou interessad[oa]|me interessa)|non (?:mi interessa"
    r"|sono interessat[oa])|geen interesse|niet geïnteresseerd|nie jestem zainteresowan\w+|не ?интерес\w+|no (?:me interesa|estoy interesad[oa]))"
)
_BUT = r"(?:aber|vielleicht|mais|peut être|mas|quem sabe|talvez|ma|forse|magari|maar|misschien|ale|może|но|может|pero|quizás?|tal vez)"
_APPOINTMENT = (
    r"(?:termin\w*|besuch\w*|bestellung|rendez vous|rdv|rendez|visite|commande|cita|visita|pedido|consulta|horário|reserva|appuntamento"
    r"|ordine|prenotazione|afspraak|bezoek|bestelling|wizyt\w+|spotkani\w+|zamówieni\w+|запис\w+|встреч\w+|заказ\w*)"
)
_CALL_OFF = (
    r"(?:abmelden|absagen|kündigen|stornieren|streichen|annul\w+|cancel\w+|décommander|desmarcar|disdi\w+|cancella\w*|afmelden|afzeggen"
    r"|odwoła\w+|anulowa\w+|отмен\w+|анулир\w+)"
)
_ANSWER = (
    r"(?:antwort\w*|schreib\w*|sende\w*|répond\w*|envoi\w*|écri\w*|respond\w*|env[ií]\w*|escrev\w*|escrib\w*|rispond\w*|scriv\w*|invi\w*"
    r"|antwoord\w*|stuur\w*|odpi\w+|odpowie\w*|napi\w+|wyś\w+|ответ\w*|напи\w*|отправ\w*)"
)
_HARMLESS = (
    # a question about the word: "if I answer STOP"
    rf"\b(?:wenn|falls|si|se|als|jak|jeśli|gdy|если|когда) (?:\w+ ){{0,3}}?{_ANSWER} (?:mit |avec |par |con |com |met |w )?\w+",
    rf"\b(?:wenn|falls|als) (?:ich|ik|man|wir|je) (?:mit |met )?\w+ {_ANSWER}|\w*(?:返信|送信)したら\w*",
    # a refusal for now
    rf"\b{_NOW} (?:\w+ ){{0,3}}?{_NO_INTEREST}|\b{_NO_INTEREST} (?:\| )?(?:{_NOW}|{_BUT})\b",
    rf"\b{_NO_INTEREST} (?:an|am|à|au|em|no|na|al|alla|in|aan|voor|w|в) (?:\w+ ){{1,3}}?(?:\| )?{_BUT}\b",
    r"(?:今|現在|いま)(?:は|のところ|のところは)?\w{0,4}?興味(?:は|が)?(?:ありません|ない)",
    # "do not stop …"
    r"\bno (?:deje[ns]?|pare[ns]?) de\b|\bnon smett\w+ di\b|\bnão (?:deix|par)\w+ de\b|\bnie przesta\w+\b|\bне (?:прекраща|переста|останавлива)\w+"
    r"|\bn ?arrêt\w+ (?:pas|jamais)(?: de)?\b|\bhört? (?:\w+ )?nicht auf\b|\bhören sie (?:\w+ )?nicht auf\b|\bnicht aufhören\b"
    r"|\b(?:stop|houd?t?) (?:\w+ )?niet (?:op )?(?:met)?\b|\barrêt\w+ de (?:vous|te|t) ?(?:excus|inquiét)\w+",
    # another form or way in the place of one: "no PDF but a link", "do not call, write"
    r"\b(?:nicht|keine?n?|nie|no|не) (?:\w+ ){1,5}?(?:\| )?(?:sondern|tylko|sino|а(?! то))\b",
    r"(?:\b(?:geen|niet) (?:\w+ ){1,5}?(?:\| )?maar|\bnon (?:\w+ ){1,5}?(?:\| )?ma|\bpas (?:\w+ ){1,5}?(?:\| )?mais|\bnão (?:\w+ ){1,5}?(?:\| )?mas) (?=(?:\w+ ){0,3}?(?:sms\w*|mail\w*|e ?mail\w*|whatsapp|link\w*|lien"
    r"|schrijf|scriv\w+|écri\w+|escrev\w+|texto|mensagem|message\w*|messagg\w+|bericht\w*|een|un|une|um|uma)\b)",
    # an appointment, an order
    rf"\b{_APPOINTMENT} (?:\w+ ){{0,3}}?{_CALL_OFF}\b|\b{_CALL_OFF} (?:\w+ ){{0,2}}?{_APPOINTMENT}\b",
    # at an hour
    r"(?:\d+時|朝|夜|午前|午後|平日|週末|土日|仕事中|勤務中)\w{0,8}?(?:やめて|しないで)(?:ください)?",
)
_PHRASES = (
    # German
    r"\b(?:nicht|nie|keine?n?|niemals) (?:mehr|wieder) (?:\w+ )?(?:an(?:ge)?ruf\w*|kontaktier\w*|schreib\w*|mailen|"
    r"anschreib\w*|angeschrieben|belästig\w*|nachricht\w*|e ?mails?|mails?|sms|werbung|kontakt\w*|melden|an)\b",
    r"\bkeine?n? (?:\w+ )?(?:werbung|anrufe?|nachrichten|sms|newsletter|e ?mails?|mails?|kontakt\w*) (?:mehr|von ihnen)\b"
    r"|\bkeine weiteren? (?:werbung|anrufe?|nachrichten?|sms|newsletter|e ?mails?|mails?|kontakt\w*)\b",
    rf"\bkein(?:erlei)? interesse\b{_LATER}",
    rf"\b(?:rufe?n?|ruft|schreibe?n?|kontaktieren?|melden?) (?:sie )?(?:mich |uns |hier |sich )?(?:bitte )?(?:nicht|nie)\b{_LATER}",
    r"\b(?:bitte )(?:nicht|nie) (?:mehr )?(?:anrufen|schreiben|kontaktieren|anschreiben|melden)\b",
    r"\b(?:lösche?n?|löscht|entfernen?|streichen?|nehmen|nimm|tragen) (?:sie )?(?:bitte )?(?:alle |sämtliche )?(?:mich|uns|meine?n?|unsere|diese)\b",
    r"\b(?:möchte|will|wollen|wünsche) (?:\w+ )?keine?n? (?:werbung|sms|anrufe?|nachrichten|e ?mails?|mails?|newsletter)\b"
    r"|\bnichts mehr (?:\w+ ){0,3}?(?:hören|lesen|wissen|bekommen|erhalten|haben)\b|\bunterlass(?:t|en)\b|\b(?:raus|heraus) aus (?:\w+ ){0,2}(?:verteiler|liste|datenbank)\b",
    r"\b(?:lassen|lass|lasst) (?:sie )?(?:mich|uns) (?:\w+ )?in (?:ruhe|frieden)\b|\b(?:ich )?(?:widerspreche|widerrufe)\b",
    r"\b(?:möchte|will|wünsche|wollen) (?:\w+ ){0,2}(?:keine?n?|nicht|nie) (?:mehr )?(?:\w+ ){0,2}(?:erhalten|bekommen|haben"
    r"|kontaktiert|angerufen|angeschrieben)\b|\bfalsche (?:nummer|person)\b|\bhören sie auf\b|\bhör(?:t)? auf\b",
    r"\b(?:nehmt?|nehmen|nimm|tragt?|tragen) (?:sie )?(?:\w+ ){1,3}(?:aus|von) (?:\w+ ){0,2}(?:verteiler|listen?|kartei|datenbank|system)\b",
    r"\b(?:daten|nummer|adresse|kontakt) (?:\w+ ){0,3}(?:löschen|entfernen|streichen)\b|\baus (?:dem|ihrem|eurem) verteiler (?:nehmen|streichen|entfernen|löschen|austragen)\b|\bum (?:löschung|entfernung)\b|\b(?:in ruhe "
    r"(?:lassen|gelassen)|nervt? nicht|verwählt|falsch verbunden|(?:keine|ohne) (?:einwilligung|zustimmung))\b",
    # French; a text has no apostrophes here
    rf"\bne (?:me |nous |m|pas |plus )?(?:me |nous |m)?(?:re)?(?:appele|contacte|écri|envoye|dérange|téléphone|sollicite|relance"
    rf"|harcele)\w* (?:plus|pas|jamais)\b{_LATER}|\bn(?:appele|écri|envoye)\w* (?:plus|pas|jamais)\b{_LATER}",
    r"\bne (?:plus|pas|jamais) (?:me |nous |m)?(?:appeler|contacter|écrire|envoyer|déranger|téléphoner|démarcher)\b",
    r"\b(?:arrêt|cess)\w+ (?:de |d|tout|avec|les|ces|vos)|\bplus (?:de |d|aucun )(?:sms|messages?|appels?|e ?mails?|mails?|pub"
    r"|textos?)\b",
    r"\b(?:retire|supprime|enlève|efface|désinscri|désabonne|raye)\w* (?:moi|nous|mon|ma|mes)\b",
    r"\blaisse[zr]? (?:moi|nous) (?:tranquilles?|en paix)\b|\b(?:faux|mauvais) numéro\b",
    r"\b(?:tromp\w+|erreur) (?:de|du) (?:numéro|personne)\b|\b(?:fich|fout|lâch)\w+ (?:moi|nous) (?:la paix|un peu)?\b"
    r"|\bje m ?oppose\b|\bn ?(?:autorise|ai) pas (?:consenti|donné|lu)\w*\b|\bsuppression de (?:mes|mon|ma)\b|\bharcèlement\b",
    r"\bne (?:veux|souhaite|désire|voulons) (?:plus|pas) (?:\w+ ){0,3}(?:recevoir|être|sms|messages?|appels?|contact\w*)\b",
    rf"\bne m ?intéresse(?:nt)? (?:pas|plus)\b{_LATER}|\b(?:sortir|sortez moi|quitter) (?:de )?(?:la|votre|vos|cette) listes?\b",
    rf"\bpas (?:du tout )?intéressée?s?\b{_LATER}|\b(?:je|on) (?:veux|veut|souhaite) plus (?:\w+ ){{0,3}}(?:recevoir|être|de|vos|sms|messages?)\b"
    r"|\b(?:m|me|nous) ?(?:appele|contacte|écri|envoye|dérange)\w* plus\b(?! tard)",
    # Portuguese
    rf"\bnão (?:me |nos )?(?:ligu|chame|contat|contact|mand|envi|escrev|telefon|perturb|incomod)\w*(?: mais)?\b{_LATER}",
    r"\bnão (?:quero|desejo|queremos) (?:mais )?(?:\w+ ){0,2}(?:receber|mensage\w+|ligaç\w+|contato|e ?mails?|nada)\b",
    r"\b(?:remova|remover|exclua|excluir|tire|retire|apague|descadastre)\w* (?:me|meu|minha|o meu|a minha)\b",
    r"\bme (?:remov|tir|retir|exclu|descadastr)\w+\b|\b(?:deixe|me deix\w+)(?: me)? em paz\b|\bnúmero errado\b|\bchega d[eao]s?\w* (?:\w+ )?(?:sms|mensage\w+|ligaç\w+|msgs?)\b",
    r"\bcancel\w+ (?:as? |os? |minha |a minha |esse |este )?(?:inscrição|assinatura|mensagens|recebimento|envios?|cadastro|sms)\b",
    r"\b(?:é|foi|por) engano\b|\b(?:ligou|ligaram|discou) errado\b|\b(?:sair|saio|tirar) d(?:a|e|essa|esta|as|os|o) (?:\w+ )?(?:listas?|cadastro|grupo)\b|\bnão (?:autorizo|consenti|dou (?:meu )?consentimento)\w*\b|\b(?:exclusão|remoção) d[oea]s? meus?\b",
    r"\bpar\w+ de (?:me |nos )?(?:ligar|mandar|enviar|escrever|incomodar)\b",
    rf"\bnão (?:tenho interesse|estou interessad[oa]|me interessa)\b{_LATER}",
    # Italian
    rf"\bnon (?:mi |ci |vogliate )?(?:chiam|contatt|scriv|mand|invi|disturb|telefon)\w*(?: più| mai)?\b{_LATER}",
    r"\b(?:cancell|rimuov|elimin|togli)\w*(?:mi|temi|ci)\b|\b(?:cancell|rimuov|elimin|togli)\w+ (?:il mio|i miei|questo)\b",
    r"\blasci\w*(?: mi| ci)? (?:in pace|stare|perdere)\b|\bsbagliato (?:numero|persona)\b|\b(?:mi oppongo|non autorizzo|nego il consenso"
    rf"|revoco il consenso|cancellazione d\w+)\b|\bnon (?:mi |ci )?interess\w+\b{_LATER}",
    r"\bsmett\w+ di\b|\bbasta (?:con|chiam\w+|mess\w+|sms|mail)\b|\bnumero sbagliato\b",
    r"\bnon (?:voglio|desidero|intendo) (?:più )?(?:\w+ ){0,2}(?:ricevere|essere|messaggi\w*|chiamate)\b|\bdisiscri\w+\b",
    rf"\bnon (?:sono|siamo) (?:più )?interessat\w\b{_LATER}",
    # Dutch
    rf"\b(?:bel|mail|sms|app|contacteer|benader|schrijf|stuur)t? (?:me |mij |ons |dit nummer |alstublieft )?(?:niet|nooit)(?: meer)?\b{_LATER}",
    r"\b(?:niet|nooit) meer (?:\w+ )?(?:bellen|mailen|smsen|contacteren|benaderen|sturen|appen|gebeld|benaderd|lastig)\b",
    r"\b(?:verwijder|haal|schrap) (?:me|mij|mijn|ons|dit nummer)\b|\blaat (?:me|mij|ons) met rust\b|\bstop met\b",
    rf"\bgeen (?:sms\w*|berichten|e ?mails?|mails?|telefoontjes|reclame|contact) meer\b|\bgeen interesse\b{_LATER}",
    rf"\bniet geïnteresseerd\b{_LATER}|\b(?:uitschrijven|afmelden)\b|\bverkeerd nummer\b",
    r"\b(?:schrijf|meld) (?:me|mij|ons|dit nummer) (?:\w+ )?(?:uit|af)\b|\buit (?:de|jullie|uw|je) (?:lijst|bestand|systeem)\b",
    r"\bhoud?t? (?:\w+ )?op(?: met)?\b|\b(?:geen toestemming|toestemming in|maak bezwaar)\b|\b(?:mijn|deze|dit) (?:gegevens|nummer|naam|adres) "
    r"(?:\w+ ){0,3}(?:verwijderen|wissen|schrappen)\b",
    # Polish
    rf"\bnie (?:dzwoń|dzwoni|kontaktuj|kontaktować|pisz|pisać|wysyłać|wysyłaj|przysyła)\w*(?: do mnie| do nas)?(?: więcej)?\b{_LATER}",
    r"\b(?:wypisz|wypiszcie|usuń|usuńcie|wykreśl)\w* (?:mnie|mój|nas|moje|z)\b|\bdaj\w* (?:mi|nam) (?:święty )?spokój\b",
    rf"\bnie (?:jestem|jesteśmy) zainteresowan\w+\b{_LATER}|\bnie interesuj\w+ (?:mnie|nas)\b{_LATER}|\b(?:mnie|nas) nie interesuj\w+\b{_LATER}|\b(?:mnie|nas|mój numer) (?:wypisa|usun|wykreśl)\w+\b"
    r"|\b(?:wypisać|wykreślić|usunąć) (?:mnie|nas|mój|moje|numer)\b|\bod(?:czep|wal)\w+ się\b|\bnie życz\w+ sobie\b|\bzrezygnowa\w+\b|\bpomyłka\b|\bzły numer\b|\brezygnuj\w+ z\b",
    r"\bnie chcę (?:\w+ ){0,2}(?:otrzymywać|dostawać|wiadomości|telefonów|kontaktu)\b|\bprzesta\w+ (?:\w+ ){0,2}(?:wysyła|przysyła|pisa|dzwon"
    r"|nęka|męczy)\w*\b|\bnie wyraża\w+ zgody\b|\b(?:co|wyco)f\w+ zgod\w+\b|\b(?:wypisanie|usunięcie|wykreślenie) (?:mnie|mojego|moich|z)\b"
    r"|\bkoniec z tymi\b",
    # Russian
    rf"\bне (?:надо |нужно )?(?:мне |нам |больше |сюда )*(?:звон|пиши|писа|беспоко|присыла|шлите|связыва|отправля)\w*\b{_LATER}",
    r"\b(?:удал|убер|вычеркн|исключ)\w+ (?:меня|мой|мои|моё|наш|из|этот|номер|данные)\b|\bотстань?\w*\b|\bотвали\w*\b|\b(?:выйти|исключить|убрать) (?:\w+ )?из (?:\w+ )?(?:рассылки|списка|базы)\b|\bне туда попали\b|\bотпи(?:ши|са)\w+\b",
    r"\bоставьте? (?:меня|нас) в покое\b|\b(?:хватит|прекратите|перестаньте)\b|\bошиблись номером\b|\bне тот номер\b",
    r"\bне да\w+ согласи\w+\b|\bотзываю согласие\b",
    rf"\bне ?(?:интерес\w+|заинтересован\w*)\b{_LATER}|\bне хо(?:чу|тим) (?:\w+ ){{0,2}}(?:получать|звонк\w+|сообщени\w+)\b",
    # Swedish, Danish, Norwegian, Finnish
    r"\b(?:sluta|slutt|stop|hold op med at) (?:å |att |med |at )?(?:ringa|ringe|skicka|sende|kontakt\w+|skriv\w+|messe)\b",
    r"\b(?:ring|kontakta?|skriv|skicka|send) (?:mig |meg |oss |os )?(?:inte|ikke|aldrig) (?:mer|mere|igen|igjen|längre)\b",
    r"\b(?:ikke|inte|aldrig|aldri) (?:ring|kontakt|skriv|send|skicka)\w* (?:til )?(?:mig |meg |oss? |flere )?(?:\w+ )?(?:mer|mere|igen|igjen|längre)\b",
    r"\b(?:ta bort|slet|slett|fjern) (?:mig|meg|mit|mitt|min)\b|\bälkää? (?:enää )?(?:soitta|soita|lähettä|lähetä)\w*\b|\bälä (?:enää )?(?:soita|lähetä)\b"
    r"|\b(?:lopeta|lopettakaa) (?:viesti\w*|soitt\w*|nämä)\b|\bpoista(?:kaa)? (?:minut|numeroni)\b",
    # Czech, Slovak
    r"\b(?:nevolejte|nevolajte|nepište|nepíšte|nekontaktujte|neobtěžujte|neotravujte|neposílejte|neposielajte|nepřejeme si|nepřeji si)\b"
    r"(?! (?:mi |mně |nám |mě |ma )?(?:před|po|až|dnes|teď|ráno|večer|pred|teraz|zítra|zajtra)\b)|\b(?:přestaňte|prestaňte)\b",
    r"\b(?:smažte|vymažte|odstraňte|vyřaďte|vyraďte) (?:mě|mne|můj|moje|ma|môj|mi)\b|\b(?:odhlásit|odhlaste|odhláste)\b|\bnemám (?:zájem|záujem)\b(?! (?:teď|teraz|dnes))",
    # Romanian, Hungarian
    r"\bnu (?:mă |ma |ne )?mai (?:suna|sunați|sunaţi|contacta\w*|deranja\w*|trimite\w*|scrie\w*)\b|\bnu (?:mă|ma|ne) (?:suna|sunați|sunaţi|contacta\w*|deranja\w*)\b"
    r"(?! (?:acum|azi|înainte|după|mâine|până)\b)|\bdezabon\w+|\b(?:ștergeți|scoateți|ştergeţi|scoateţi) ?(?:mă|ma|mi|numărul)\b|\bnu sunt interesat\w*\b(?! acum)",
    r"\bne (?:hívj|keress|zavarj|küldj|írj|telefonálj)\w*(?: \w+){0,2}? (?:többet|többé|soha|újra)\b|\bleiratkoz\w+|\btörölj\w+ (?:a |az )?(?:számom|adataim|nevem|engem)\w*",
    # Ukrainian
    r"\bне (?:дзвон|телефон|пиш|турб|надсила|шли)\w* (?:мені |нам |мене |нас )?(?:більше|ніколи)\b|\bбільше не (?:дзвон|телефон|пиш|турб|надсила)\w*|\b(?:видал|прибер)\w+ (?:мене|мій|мої|номер)\b"
    r"|\bвідпи(?:шіть|сатис)\w*|\bприпин\w+|\bне цікав\w+\b(?! (?:зараз|поки))",
    # Greek
    r"\bμην? (?:με |μας |μου )?(?:ξανα)?(?:καλέ|τηλεφων|παίρν|πάρ|στέλν|στείλ|ενοχλ)\w*(?! (?:τώρα|πριν|σήμερα|αύριο|μετά)\b)\b|\bδιαγράψτε (?:με|το|τον)\b|\bσταματήστε\b|\bδεν (?:με )?ενδιαφέρ\w+\b(?! τώρα)",
    # Turkish
    r"\b(?:beni|bizi|bir daha|artık) (?:(?:bir daha|artık|lütfen) )?(?:arama(?:yın|yınız)?|rahatsız etme(?:yin)?|yazma(?:yın)?)\b|\bmesaj (?:atma(?:yın)?|gönderme(?:yin)?|yollama(?:yın)?)\b"
    r"|\babonelikten çık\w*|\blisteden (?:çıkar|sil)\w*|\bnumaramı (?:silin|sil|kaldır)\w*|\bilgilenmiyorum\b",
    # Arabic, Hebrew
    r"\bلا (?:تتصل|تكلم|ترسل|تراسل|تزعج)\w* (?:بي|بنا|لي|لنا|معي|علي)\b(?! (?:الآن|قبل|اليوم|غدا|في|صباحا|مساء))|\bلا (?:تتصل|ترسل|تراسل)\w* (?:\w+ )?(?:مرة أخرى|بعد الآن|أبدا|مجددا)"
    r"|\b(?:احذف|أزل|أزيلوا|امسح)\w* (?:رقمي|اسمي|بياناتي)|\bتوقف\w* عن\b|\b(?:إلغاء|الغاء) الاشتراك|\bلا أريد (?:\w+ )?(?:رسائل|مكالمات|المزيد)|\bغير مهتم\w*",
    r"\bאל (?:תתקשר|תשלח|תפנ|תטריד)\w*(?: \w+)? (?:יותר|שוב)\b|\b(?:תסירו|הסירו|הסר|תמחקו|מחקו) (?:אותי|את)\b|\b(?:תפסיקו|הפסיקו)\b|\bלא מעוניי?נ\w*\b(?! (?:כרגע|היום|עכשיו))",
    # Hindi in Latin letters, Tagalog, Vietnamese
    r"\b(?:call|message|msg|phone|sms) (?:mat|na) (?:karo|kare|karein|bhejo|bheje)\w*|\bhuwag (?:na |nyo |niyo |po |kayong |kang )*(?:tumawag|mag ?text|mag ?message|i ?text)\w*"
    r"|\bđừng (?:gọi|nhắn tin|liên lạc|làm phiền)\b(?! (?:trước|bây giờ|hôm nay))|\b(?:ngừng|dừng) (?:gọi|nhắn tin|gửi)|\bhủy đăng ký|\bkhông quan tâm\b",
    # Chinese, Japanese, Korean have no spaces between words
    r"(?:メール|連絡|電話|送信|配信|勧誘)(?:を)?しないで|登録(?:を)?(?:解除|抹消|取り消)|連絡は?(?:不要|やめ)|電話しないで|送らないで|送信しないで|配信(?:を)?(?:止め|停止|解除|不要)|登録解除|退会(?:します|させ|希望|したい)"
    r"|(?:やめ|止め)ろ|やめて(?:ください|くれ|もら|ほし)|興味(?:は|が)?(?:ありません|ない)|番号(?:が|を)?(?:間違|まちが)|人違い|間違い電話|リストから(?:外|削除|除|消)"
    r"|(?:個人情報|データ|連絡先|番号|登録)(?:を|の)?(?:削除|消し|抹消)|(?:電話|連絡|メール|送って|かけて|してこ)\w{0,4}こないで|二度と|迷惑|しつこい"
    r"|(?:電話|連絡|メール|配信|メッセージ)\w{0,3}(?:一切)?(?:不要|お断り|いりません|要りません|停止)|同意(?:しません|していません)",
    r"不要再|别再|別再|请勿|請勿|退订|退訂|取消订阅|取消訂閱|拒收|没有?兴趣|沒有?興趣|停止发|停止發|不要(?:打|发|發|联系|聯繫|骚扰|騷擾)",
    r"수신 ?거부|(?:연락|전화|문자|메시지|메일)(?:를|을|도)? ?(?:하지|보내지|주지) ?마|보내지 ?마|그만 ?(?:보내|전화|연락)|구독 ?취소|관심 ?없",
)
ASKING = re.compile("|".join(f"(?:{fold(pattern)})" for pattern in _PHRASES))
#: Harmless phrases that look like an opt-out; removed before the search.
HARMLESS = re.compile("|".join(f"(?:{fold(pattern)})" for pattern in _HARMLESS))
