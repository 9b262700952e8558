"""The patterns of `optout`: opt-out phrases, and harmless phrases that look like one.

Here live patterns over a normalised text (see `optout`) and nothing else. Lists of words are separated by commas; each
word is a regular expression. Every repetition matches in one way only, so matching time is bounded.
"""

# ruff: noqa: E501 - a pattern is read as a whole
from __future__ import annotations

import re
from collections.abc import Iterable


def _any(words: str) -> str:
    """One of the words."""
    return f"(?:{'|'.join(word.strip() for word in words.split(','))})"


def _joined(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


#: Verbs and nouns of contacting a person, in any form.
_REACH = _any(
    r"""
    te?xt(?:s|ing|ings|ed)?, txt(?:s|ing|in)?, texin?g?, mess?[ae]?ge?s?(?:ing)?, msg(?:s|ing)?, sms,
    call(?:s|ing|in|ed)?, contact(?:s|ing|ed)?, e ?mail(?:s|ing|ed)?, mail(?:s|ing)?, phon(?:e|ing), ring(?:ing)?,
    dial(?:l?ing)?, spam(?:s|ming)?, solicit(?:s|ing|ation|ations|ors?)?, both[ei]?r(?:ing|in)?, bug(?:ging)?,
    harr?ass?(?:ing|ment)?, annoy(?:ing)?, pester(?:ing)?, disturb(?:ing)?, notif(?:y|ying|ications?), alerts?,
    promos?, promotions?, ads?, advertis(?:ing|ements?), marketing, outreach, robocalls?,
    communicat(?:ions?|ing|e), reach(?:ing)? out, writ(?:e|ing)(?: to)?, conversation, newsletters?
    """
)
#: The same after "do not".
_BASE = _any(
    r"""
    te?xt, txt, mess?[ae]?ge?, msg, call, contact, e ?mail, mail, phone, ring, spam, solicit, both[ei]?r, bug,
    harr?ass?, annoy, pester, disturb, notify, communicate, reach out, write, hit
    """
)
#: A document or an order of the person's own: something is removed from it, and no one from a list.
_NOT_A_DOCUMENT = (
    r"(?! (?:from |off |off of |out of )?(?:the |my |our |this |that )?(?:policy|invoice|quote|order|bill|contract|deed"
    r"|title|estimate|proposal|cart|lease|loan|agreement|application|booking|reservation|paperwork)\b)"
)
#: Words between "stop" and its object.
_FILL = _any(
    r"""
    please, all, any, the, with, your, ur, these, this, those, such, of, more, me, us, my, our, that, it, damn,
    dang, fucking, freaking, stupid, annoying, unwanted, automated, sending, getting, receiving, making, trying to,
    ever, even, just, and, further, future, to, from, junk, out, giving, doing, follow up, phone, text, sales,
    unsolicited, you, u, kindly, direct
    """
)
_DO_NOT = r"(?:dont|do not|donot|dnt|never|not to|don t)"
_NOT = _any(
    r"""
    dont, do not, donot, dnt, never, not, don t, doesnt, does not, no longer, wont, stop, didnt, did not
    """
)
#: Polite words around a request that do not change it.
_COURTESY = _any(
    r"""
    please, pls, plz, plse, pleas, thanks, thank you, thank u, thx, ty, now, ok, okay, hi, hey, hello, just, sir,
    maam, man, bro, dude, asap, immediately, at once, already, today, right now, kindly, sorry, lol, no, nope, yes,
    all, it, this, that, these, them, me, u, you, i said, i already said, i have said, reply, i reply,
    texting stop, for good, forever, for real, seriously, everything, \d+ times, of it, por favor, ya, gracias
    """
)
_LIST = _any(
    r"""
    lists?, database, data base, system, records, contacts?, file, rolodex, campaign, crm, books
    """
)
#: A sentence ends here.
_END = r"(?= \|)"
#: Words that are an opt-out when only polite words surround them.
_ALONE = _any(
    r"""
    stop+, stopall, sotp, stpo, sop, stob, stap, stp, sto, tsop, stip, stpp, stoo, stol, dtop, srop, stiop, stoip, unsubscribe, unsub, end, quit, cancel, revoke, opt ?out, remove,
    stop ?it, st op, delete, discontinue, cease, desist, halt, enough, no more, spam, spammers?, scam, scammers?, block(?:ed|ing)?,
    reported, dnc, arret, alto, pare, para, parar, basta, baja, cancelar, no mas, desuscribir(?:me)?
    """
)
_AROUND = rf"(?: (?:{_COURTESY}|{_ALONE}|\|))*"
#: The whole text is an opt-out word.
REQUEST = re.compile(rf"\|{_AROUND} {_ALONE}{_AROUND}")

#: Requests for another channel, hour or place, which are not opt-outs.
RATHER = re.compile(
    rf"\b(?:dont|do not|cant|please dont|no) (?:please )?{_REACH}(?: me| us| here| him| her| them| (?:my|our|the|his|her) \w+)*"
    r"(?: \|)? (?:(?:please |just |only |but |instead )*(?:text|txt|email|message|call|send|write"
    r"|use) (?:me|it|us|my|instead|only|please|is)"
    r"|(?:text|txt|email|e ?mail|messages?|calls?) (?:only|instead|is (?:better|best|fine))"
    r"|(?:\w+ )?(?:before|until|till|after|during|while|between|past|so (?:early|late|much|often)"
    r"|on \w+days?|at (?:work|night|noon|dinner|\d+|my)|in the (?:morning|evening)|tomorrow|today|yet|now"
    r"|this (?:week|morning)))\b"
    # the other number, named first
    r"|\b(?:call|text|txt|email|use|try|ring) (?:me )?(?:on |at )?(?:my|the|our) \w+(?: \w+)?(?: instead| only| please)?(?: \|)? "
    rf"(?:and |please |but )*{_DO_NOT} (?:call|text|txt|use|ring|contact) (?:my|the|our) \w+(?: \w+)?"
)  # fmt: skip

#: Interest that is only postponed or redirected.
_LATER = (
    r"(?! (?:right now|at th[ie]s? (?:time|moment|point)|at the moment|yet|currently|today|now|for now"
    r"|until|this (?:week|month|year|season))\b"
    r"| in (?!your|ur|this|these|any|anything|it|what|you|being|receiv|gett|hear|talk|buy|sell|more|purchas"
    r"|spam|text|call|messag|mov|meet|switch|chang|do)| (?:\| )?(?:but|though|unless|what about|how about"
    r"|do you have|maybe|just)\b)"
)  # fmt: skip

#: Harmless phrases that look like an opt-out; removed before the search.
HARMLESS = _joined([
    # a question about the word, and another thing asked for in the place of one
    r"\b(?:nachster|letzter|erster|kurzer|ein) stopp\b",
    r"\b(?:if|when|once|after|does|what|why|how(?! many)|where) (?:\w+ ){0,6}(?:reply|text|send|type"
    r"|write|say|says|answer|respond)(?:ing)? (?:with |the word )?stop\b(?: to (?:opt out|stop|end|unsubscribe))?",
    r"(?<!times )\b(?:do|must|should|can) (?:i|we) (?:have to |need to |just |still )?(?:reply|text|send|type|write|say|answer)"
    r" (?:with |back )?(?:the word )?stop\b(?: to (?:opt out|stop|end|unsubscribe|be removed))?",
    r"\b(?:how|where) (?:do|can|could|would) (?:i|we) (?:un ?subscribe|opt out|cancel) (?:later|afterwards?|if|once|after)\b",
    r"\b(?:what|how) (?:does|do|is|would) (?:the word )?stop (?:mean|do|for|work|about)\b",
    r"\b(?:does|will|would|is|can|did) (?:the word )?stop (?:\w+ ){0,2}(?:cancel|end|mean|work|delete|remove|stop)\b(?: my| the)?",
    r"\bstop (?:sending|mailing|attaching|using|writing) (?:me |us )?(?:\w+ ){1,3}?(?:and |but |\| )(?:just |please |instead "
    r"|rather )*(?:send|use|give|share|post|attach|call|text|email) (?:me |us |it )?(?:a|an|the|one|some|my|me|us|it|link)\b",
    # the footer of a newsletter or of the person's own company
    r"(?<!want )(?<!like )(?<!need )(?<!trying )(?<!how )\bto (?:stop|unsubscribe|opt out|be removed|no longer|manage)"
    r"(?: \w+){0,10}?(?: \|)?(?: \w+){0,3}? (?:click|here|visit|follow|tap|below|link)\b(?: here| this link| below)?",
    r"\bif you (?:\w+ ){0,6}?(?:receive|hear|e ?mails?|messages?|newsletters?|unsubscribe)(?: \w+){0,8}?(?: \|)?"
    r"(?: \w+){0,4}? (?:click|here|unsubscribe|link|reply)\b(?: \w+){0,4}",
    r"\b(?:click (?:here )?to unsubscribe|unsubscribe (?:here|link|at any time|preferences)|you (?:can|may) unsubscribe(?: \w+){0,4})\b",
    r"\b(?:um|pour|para|per|om|чтобы|aby)\b(?: \w+){1,10}?(?: \|)?(?: \w+){0,3}? (?:klick\w*|clique\w*|clic|clicca|klik"
    r"|kliknij|нажмите)\b(?: \w+){0,2}",
    r"(?<!how )\b(?:did|didnt|do|does|doesnt|if|once|after|before|since|until) (?:you|i|we|he|she|they|u"
    r"|the \w+|it|your \w+|\w+ \w+) stop\b(?! (?:call|text|messag|both))(?! \|)",
    r"\b(?:why|when|where|how come) (?:did|do|does|have|has|havent|will) (?:you|u|yall|they|it"
    r"|the \w+) stop(?:ped)?(?: \w+)*",
    r"\bdid (?:you|u|yall|they) stop\b(?: \w+)*",
    r"\b(?:dont|do not|never|cant|cannot|can not|couldnt|wont|will not|please dont|no need to|not gonna"
    r"|not going to) (?:you )?(?:ever )?stop\b(?: (?:send|text|call|messag|email)\w*(?: (?:me|us|these|the"
    r"|texts))*)?",
    r"\b(?:bus|truck|pit|rest|one|next|last|first|non|full|short|train|taxi|subway|metro|tour|door|back"
    r"|gas) stops?\b",
    r"\bstop(?:ping)? (?:by|in|over|off|at|up|payments?|lights?|signs?|loss|watch|motion|and (?:see|say|look"
    r"|visit|shop|chat|go)|for (?:a|lunch|gas|coffee|dinner)|to (?:see|say|look|visit|pick|get|think))\b",
    r"\b(?:it|that|this|which|doorman|elevator|rain|music|train|bus) (?:doesnt|does not|wont|will|never) stop\b",
    r"\b(?:hate|sad|silly|shame|crazy) to stop\b|\b(?:we|they|i) stop (?:work|working|at|for|in|on)\b",
    r"\bput a stop on\b|\bstop (?:valves?|buttons?|orders?|gaps?|sinks?|cocks?)\b",
    r"\b(?:cancel|end|stop) (?:everything|all|all of it) (?:except|but|besides|else)\b",
    rf"\bstop(?:s|ping)? (?:the|my|a|an|our|his|her|its|from) (?!{_REACH}|{_FILL}|madness|nonsense|bull\w*"
    rf"|crap|lies|bs|act|games?|train|list|mess)\w+",
    r"\bstop(?:s)? (?:leaks?|snoring|foreclosures?|leaking|garnishments?|smoking|drinking)\b",
    r"\bis (?:this|it|that) (?:all )?(?:a |an |just )?(?:scam|spam|legit\w*)(?: or \w+)?",
    r"\bknow (?:it|this) (?:isnt|is not) (?:a )?(?:scam|spam)\b|\b(?:scam|spam) likely\b",
    r"\bnot (?:a )?(?:spam|scam)\b",
    r"\bopt out (?:fees?|cost|price|clause|period|penalty)\b|\bfcc (?:building|office|licen\w+)\b",
    r"\b(?:get|take) (?:me|us) off (?:hold|the hook|at the)\b",
    r"\b(?:hard|need|had|have|easy|want|going|used) to stop (?:looking|driving|working|smoking|drinking"
    r"|eating|renting|once|the (?:leak|bleeding|noise))\b(?: \w+)?",
    r"\b(?:we|i) (?:had|have) to stop\b(?! (?:this|these|all|the texts))(?: \w+)?",
    r"\bopt out of (?:the|my|our|an?|any)? ?(?:\w+ )?(?:insurance|warrant\w+|coverage|plan|add on|upgrade|hoa"
    r"|policy|benefits?)\b",
    r"\b(?:dont|do not|please dont|didnt|did not|never|accidentally"
    r"|mistakenly) (?:want to )?(?:un ?subscribe\w*|opt\w* out|remove me|block\w*)\b",
    r"\b(?:dont|do not) call me \w+ (?:\| )?(?:its|it is|my name|im|i am|the name)\b",
    r"\b(?:i|we) (?:\w+ )?unsubscribed (?:\w+ ){0,8}but (?:this|that|it|i|im|id) (?:sounds?|looks?|like|want|need|interested|would)\b",
    r"\b(?:was|got|been|why am|why was) i? ?(?:un ?subscribed|removed|blocked)\b",
    r"\b(?:before|until|till|after|during|while|when) (?:\d+\w*|work|noon|lunch|i |im |the |school|dinner"
    r"|\w+day)\b",
    r"\b(?:gave|give|given|have given|typed|put|sent|wrote) (?:you|u|them|him|her)? ?(?:down )?(?:the|a"
    r"|my) wrong (?:number|num|phone|#)\b",
    r"\b(?:did|do|have) i (?:call|dial|text|have|get|reach|got) (?:the |a )?wrong (?:number|person|#)\b",
    r"\b(?:called|dialed|texted|had|have) the wrong (?:number|person)(?= for| last| yesterday| before| at)",
    r"\b(?:my|your|the|his|her|in|to|into|check) (?:email )?(?:spam|junk)(?: (?:folder|box|mail|filter))?\b",
    r"\b(?:i|we) blocked (?:off|out|the|my|time|an?)\b(?: \w+)?",
    r"\b(?:road|street|lane|way|driveway|pipe|drain|toilet|sink|line|view) (?:is |was )?block(?:ed|ing)\b",
])  # fmt: skip

#: Opt-out phrases, searched in the rest.
ASKING = _joined([
    rf"\b{_DO_NOT} (?:ever )?{_BASE} (?:or|and|nor) {_BASE}\b",
    r"\b(?:dont|do not|never) (?:want|wish|like|need) to be (?:on|in|part of)\b",
    r"\bget rid of (?:my|this|our) (?:number|info\w*|contact|name)\b",
    r"\bno longer (?:at|on|with|using) this (?:number|phone)\b",
    r"\b(?:my|this) (?:number|name)\b(?: \|)? (?:take|get|remove) (?:it|that) (?:off|out)\b",
    r"\bwho gave you (?:my|this) (?:number|info)(?: \|)? (?:take|get|remove)\b",
    rf"\b(?:stop+|sotp|stpo|quit|cease|end|halt|discontinue|cancel)(?: {_FILL})* {_REACH}\b",
    r"\b(?:refrain|desist) from\b|\benough (?:with|of) (?:the|this|these|your|all)\b",
    r"\bcease and desist\b|\bput (?:a stop|an end) to (?:this|these|the|it|all)\b",
    # every other "stop"
    r"\b(?:stop+|stopping|stahp|sotp|stpo|stawp)\b|\bsto+p(?= text| call| messag| send| it| me| txt)",
    r"\bquit (?:sending|trying|hitting|blowin\w?|wasting|using|asking|bothering|with (?:the|this|these|your"
    r"|all)|\w+ing (?:me|us|my))\b",
    r"\b(?:stop|quit|end|cancel|discontinue) (?:all of )?(?:this|these|everything|my (?:text )?subscription"
    r"|subscription|(?:my |the )?service messages|my enrollment in (?:this|these"
    r"|text))\b(?! \w+ (?:appointment|order|meeting))",
    r"\b(?:stop|end|discontinue|cease) (?:all |any |further )?(?:contact|communications?)\b",
    rf"\b(?:want|like|need|trying|ask|asked|asking|beg|begging|how (?:do|can) (?:i|we)|way) (?:to "
    rf"|for )?(?:stop|end|cancel|quit|get rid of)(?: {_FILL})* (?:{_REACH}|these|this)\b",
    rf"\b{_NOT} (?:you |u |yall )?(?:ever |please |dare |to )?(?:again )?(?:send|sending) (?:me |us )?(?:any"
    rf"|anything|this|these|that|those|texts?|messages?|stuff|more|nothing|crap|junk|your|emails?)\b",
    rf"\b{_DO_NOT} (?:you |u |yall )?(?:ever "
    rf"|please |dare |again |fucking |to |even )*{_BASE}(?: (?:to|with))?(?: (?:me|us|my|our|this|dis|here"
    rf"|again|any ?more|no more|ever|him|her|them|the|at all|please|thanks|about)\b|{_END})",
    rf"\b(?:dont|do not|donot|no longer|never|not|wouldnt|would rather not|rather not"
    rf"|d rather not) (?:want(?:ed)?|wanna|wish|care|like|need|consent|agree|desire|care)(?: {_FILL}| to| be"
    rf"| get| getting| receive| have| hear| hear from| continue)* (?:{_REACH}|from (?:you|u|this|any|your)"
    rf"|these|this)\b",
    r"\brather not (?:get|receive|hear)\b",
    r"\b(?:dont|do not) (?:want|need|like) (?:your|ur) (?:stuff|crap|service|offers?|help|products?|texts?)\b",
    rf"\b(?:dont|do not|didnt|doesnt) (?:want|need) (?:any|anything|none|nothing)(?: of (?:this|it|that"
    rf"|these))?(?: from (?:you|u|yall))?(?: thanks| thank you| please| any ?more| either)*{_END}",
    rf"\b(?:dont|do not|no need to) (?:reply|respond|text back|write back)(?: to me| back| again| please"
    rf"| any ?more)*{_END}",
    r"\b(?:dont|do not) use (?:it|this|my)\b",
    rf"\bno (?:more |further )?{_REACH}(?: from you| please| pls| plz| thanks| ever| here| at this number"
    rf"| messages| calls)*{_END}",
    rf"\bno more (?:of )?(?:this|these|{_REACH}|contact|spam|crap)\b",
    rf"\b(?:take|get|put|pull|strike|cross|scratch|keep|knock|want|leave|d like|like|remove|drop|be) (?:me|us"
    rf"|this|my|him|her|our)?(?: (?:name|number|phone|cell|info|number and name))?(?: number| name)? ?(?:off"
    rf"|out)(?: of| from)?(?: of)? (?:your|ur|the|this|that|any|all|these|whatever)(?: \w+){{0,2}} {_LIST}\b",
    r"\b(?:take|get|leave|keep|kick|pull|put|drop) (?:me|us|my (?:\w+ )?(?:name|number|#|cell)"
    r"|this number) (?:off|of (?:your|ur|this)|out of (?:your|ur|this|the))\b",
    r"\bget off (?:of )?my (?:phone|line|number)\b",
    r"\b(?:want|like|need|needs|needed|please|asked?|supposed|should|must|have|has)\b[\w ]{0,20}\b(?:number"
    r"|name|me|us|be|info)\b[\w ]{0,12}\b(?:removed|deleted|erased|taken off|unsubscribed|off (?:of )?(?:your"
    rf"|this) list)\b{_NOT_A_DOCUMENT}",
    r"\b(?:remove|rmv|delete|erase|scrub|wipe|drop|purge|strike|unlist|unenroll|unregister|exclude|scratch) (?:me|us"
    r"|(?:my|this|our|that|the) (?:\w+ )?(?:name|number|num|#|phone|cell|info|information|contacts?|data"
    r"|email|account|details))\b",
    r"\b(?:loo?se|forget|delete|trash) (?:my|this|the) (?:number|num|#|phone|contact)\b",
    r"\bforget you (?:have|had|got|ever)\b",
    r"\b(?:remove|take|delete|erase|drop|strike) (?:my|this|our) [\w ]{0,20}?(?:from|off|out of) (?:your|this"
    rf"|the|ur|all)\b{_NOT_A_DOCUMENT}",
    r"\boff (?:of )?(?:your|ur|this|the) (?:mailing|calling|call|texting|text|contact|marketing|email|phone"
    r"|spam|sms)? ?lists?\b(?<!off the list)",
    r"\bopt(?:ed|ing|s)? ?(?:\w+ ){0,4}out\b|\boptout\b",
    r"\b(?:un ?subs?[cs]*[a-z]*ib?[a-z]*|unsub|un ?suscri\w*|un ?subcri\w*|un ?subsri\w*|unsuscribe"
    r"|desuscri\w*)\b",
    r"\b(?:revoke|withdraw|rescind|retract)(?:s|ing|ed)?(?: \w+)? (?:consent|permission|authorization)\b",
    r"\bconsent (?:is |was |has been |hereby )?(?:revoked|withdrawn)\b",
    r"\b(?:no|not|never|didnt|dont|do not|without|did not|havent)(?: \w+){0,3} (?:consent|permission)(?:ed)?\b",
    r"\b(?:do ?not ?|dont |no )(?:call|contact) (?:list|registry|register|me|us|this|again)\b|\bdnc\b",
    r"\bnational do not call\b|\b(?:blacklist|blocklist) (?:me|this|my)\b",
    r"\bblock (?:me|my number) from\b",
    r"\b(?:never|didnt|did not|dont remember|havent)(?: ever| even)? (?:sign(?:ed|ing)?(?: up)?|subscribed?"
    r"|ask(?:ed)? for|asked? to be|opted? in|opt in|request(?:ed)?|agreed? to)(?: (?:for|to))?(?: (?:this"
    r"|these|that|any|your|get|receive|texts?|messages?|be)\b|\b(?= \|))",
    r"\b(?:you|u|ve|uve|has|have|is|its|got|a|this|sorry|think|the) (?:got |have |has |reached |texting "
    r"|calling |called |texted )?(?:the |a )?wrong (?:number|nmber|numb?er?|num|#|person|guy|lady"
    r"|phone(?: number)?|man|woman|dude|contact|cell)\b",
    r"\| wrong (?:person|guy|lady|phone|cell)",
    r"\bwrong (?:phone )?(?:number|nmber|n?umbr|numb?er?|num|#)",
    r"\b(?:no ?one|nobody|no person|there is no|theres no|isnt anyone|not anyone)(?: here"
    r"| at this number)? (?:by|with|named?|of) (?:that|this|the name|\w+)\b",
    r"\bnot (?:his|her|their|hers|that persons?) (?:number|phone|cell)\b",
    r"\b(?:this|thats|that|it|its) (?:is not|isnt|aint|is no longer|not) (?:\w+ )?(?:\w+) (?:number|phone|cell)\b",
    r"\b(?:no longer|isnt|is not) (?:his|her|their) (?:number|phone|cell)\b",
    r"\b(?:doesnt|does not|no longer) (?:have|has|own|use)s? this (?:number|phone)\b",
    r"\b(?:theres|there is|is|has) no (?!one|body|problem|way|need|rush|reason|parking|room)\w+ (?:here"
    r"|at this number|on this number)\b",
    r"\bleave (?:\| )?(?:me|us|him|her|them|my \w+)(?: \w+){0,3} (?:\| )?(?:alone|be)\b",
    r"\bbother (?:some|any)(?:one|body)\b|\benough (?:is enough|already)\b|\bgo away\b|\bget lost\b",
    r"\b(?:buzz|back|bug|piss|fuck|f|sod|eff|bugger|f uck|fk) off\b|\bf off\b",
    r"\b(?:fuck|f|fk|fck|screw|eff) (?:you|u|ya|yourself|yall)\b|\bgo to hell\b|\bgo fuck\b",
    r"\bkiss my\b|\beat shit\b|\bshut (?:the \w+ )?up\b|\bdrop dead\b|\bgfy\b|\bstfu\b|\bfoh\b",
    r"\bi (?:already )?(?:said|told you|told u) no\b|\bno means no\b",
    r"\bhow many times\b(?: \w+){2,8} (?:no|stop)\b|\bwhat part of (?:no|stop)\b",
    r"\btake (?:a hint|no for an answer)\b",
    r"\b(?:you are|youre|ur|you re|this is|its|it is|consider this|constitutes?|stop"
    r"|quit) (?:\w+ )?harr?ass?(?:ing|ment)\b",
    r"\b(?:report|reported|reporting) (?:you|u|this|these|it|ur|your|as|spam|to the)\b",
    r"\b(?:file|filing|filed|make) (?:a|an) (?:\w+ )?(?:complaint|lawsuit|report)\b",
    r"\b(?:fcc|ftc|tcpa)\b|\b(?:been|be|getting|get|got) reported\b",
    r"\b(?:this|that|it|texting|calling|its|which)(?: \w+)? is illegal\b|\bits illegal\b",
    r"\bthis is illegal\b|\b(?:violat|break)(?:ing|es|ed|e|ion)?(?: of)?(?: \w+)? laws?\b",
    r"\bi reported (?:you|this|it|the number|your)\b|\battorney general\b|\bbetter business bureau\b",
    r"\b(?:sue|suing) (?:you|u|ya|your|yall|this)\b|\b(?:ill|i will|will|gonna|going to) sue\b",
    r"\bsee you in court\b|\bhear(?:ing)? from my (?:lawyer|attorney)\b|\blegal action\b",
    r"\bmy (?:lawyer|attorney) will (?:be (?:in touch|contacting|calling)|contact|hear|call|reach)\b",
    r"\b(?:calling|contacting|getting|talking to|i(?:ll| will)? call|contact|involve) (?:my|a|an) (?:lawyer"
    r"|attorney)\b(?= \|| about (?:this|these|you))",
    r"\bcall(?:ing)? the (?:police|cops)\b",
    r"\b(?:is|its|just|this|stupid|fucking|more|damn) (?:a |all )?(?:spam|scam|junk)\b",
    r"\bspamm(?:ing|er|ers)\b|\bscammers?\b",
    r"\b(?:block|blocked|blocking) (?:you|u|this|your|ur|and)\b",
    r"\b(?:youre|you are|ur|your|number is|consider yourself|getting|be|been) blocked\b",
    rf"\b(?:not|no longer|never|isnt|aint|arent|nor|n[o0]t) (?:\w+ly |at all |even |that |gonna be "
    rf"|going to be |ever )*(?:been )?int?e?re?e?st(?:ed|e|d)\b{_LATER}",
    r"\bnot int\b",
    r"\b(?:no|zero|0|have no|not any|without) interest\b(?! rate| free| for| charge| on| until| in the)",
    r"\bfor the last time\b",
    r"\bhow (?:do|can) (?:i|we) (?:get off|get out of|opt out|make (?:this|these|it|them) stop|be removed)\b",
    r"\b(?:make|making) (?:it|this|these|them) stop\b",
    rf"\b(?:sick|tired|fed up|had enough|done|annoyed)(?: and tired)? (?:of|with|by) (?:all )?(?:this|these"
    rf"|your|the|you|u|getting|ur)(?: \w+)? ?(?:{_REACH}|(?= \|))",
    rf"\b(?:can|could|would) (?:you|u|yall) (?:please )?not\b(?: {_BASE}\b|{_END})|\bi want out\b(?! of (?:my|our))",
    rf"\bnot {_BASE} (?:me|us) (?:any ?more|again|ever|at all)\b|\bmind not {_REACH}\b|\bnot (?:allowed|permitted|authorized) to {_REACH}\b",
    rf"\b{_DO_NOT} be {_REACH} (?:me|us|my|this|here)\b|\b{_DO_NOT} (?:ever )?{_BASE} back(?: again| ever| please)*{_END}",
    rf"\bno right to {_REACH}\b|\bno more{_END}|\bno (?:mor|moar) {_REACH}",
    r"\b(?:not|shouldnt|never) (?:even |supposed to )?be(?:en)? (?:on|in) (?:your|this|ur|any) \w*",
    r"\bshould not be on\b|\b(?:belongs to|is now) (?:someone|somebody) else\b",
    r"\b(?:these|your|ur|the) (?:texts|messages|calls) (?:are|r) (?:so |very |really )?(?:annoying|unwanted"
    r"|not welcome|unwelcome)\b",
    r"\b(?:nobody|no one|none of us|couldnt be less|could not be less)(?: \w+){0,2} interested\b",
    r"\bto my (?:lawyer|attorney)(?= \|)|\b(?:reported|blocked) and (?:blocked|reported)\b",
    r"\btake back (?:my )?consent\b",
    r"\bhad this (?:number|phone) (?:for )?\w+ (?:years?|months?) \w+ i?m? ?not\b",
    # Spanish
    r"\b(?:no|ya no|nunca|nunca mas) (?:me |nos |le |la |lo )?(?:vuelvan? a |sigan? |esten? )?(?:mas )?"
    r"(?:escrib|mand|llam|envi|contact|text|molest|marqu|marcar|marcand|busqu)[a-z]*(?: mas)?\b(?! (?:a las|antes|despues|hoy|manana|ahora))",
    r"\b(?:deje|deja|dejen|dejar|dejes?e|dejense|pare|para|paren|parar|cese|cesen|basta) (?:ya )?de (?:[a-z]+(?:me|nos|ndo)"
    r"|mandar|llamar|escribir|enviar|molestar|texte\w+|contactar)\b",
    r"\b(?:dejen?|deja|deje)(?:me|nos) (?:en paz|tranquil\w+|sol[oa])\b",
    r"\b(?:quit|saqu|sac|borr|elimin|remuev|retir)[a-z]*(?:me|nos|lo|la)? (?:ya )?(?:de (?:la|su|tu|esta|esa"
    r"|sus) (?:lista|base|sistema)|(?:mi|este) (?:numero|nombre|telefono|contacto))\b",
    r"\bno mas (?:mensajes|llamadas|textos|correos|spam)\b",
    r"\bno (?:quiero|deseo|queremos)(?: \w+){0,4} (?:mensajes?|llamadas?|textos?|llam[ea]n?|contact\w+"
    r"|escriban?|correos?|saber|recibir|publicidad|promociones|anuncios|propaganda|sms)\b",
    r"\bno (?:autorizo|doy (?:mi )?consentimiento)\b|\b(?:borr|elimin)\w+ mis datos\b|\bparale\b|\bparenle\b",
    r"\bya no quiero\b|\bbasta\b(?! (?:che|que|con que|con|cosi))|\b(?:ya )?dejen?me\b(?! (?:saber|ver|pensar|un|su|el|la|mensaje))",
    r"\bno quiero nada\b(?! de)",
    r"\bno (?:quiero|deseo|queremos) que (?:me|nos) (?:vuelvan? a |sigan? |esten? )?(?:llam|marqu|marcar|marcand|contact)",
    r"\bno (?:me|nos) hablen? mas\b|\b(?:revoco|retiro|cancelo) (?:mi|el) (?:consentimiento|permiso)\b",
    r"\| (?:por favor |ya )?(?:borr|elimin|saqu|quit)(?:en?|a)(?:me|nos)(?: por favor| ya| gracias)* \|",
    r"\b(?:dar|darme|darse|dame|denme|deme) de baja\b(?! (?:mi|la|el|una?) (?:linea|contrato|servicio|plan|cuenta|poliza|seguro|internet|luz|gas)\b)",
    r"\bcancel(?:ar|en|e)? (?:la |mi |los |las )?(?:suscripcion|mensajes|textos|llamadas)\b",
    r"\b(?:numero|persona|telefono) (?:equivocad[oa]|incorrect[oa])\b",
    r"\bequivocad[oa] de (?:numero|persona)\b|\bse equivoco de\b",
    r"\bno (?:me interesa|estoy interesad[oa]|nos interesa)(?! por ahora| ahora| en este momento)\b",
    r"\b(?:voy|vamos) a (?:\w+ )?(?:demandar|reportar|denunciar)\w*\b",
    r"\bl[oae]s? (?:voy|vamos) a (?:demandar|reportar|denunciar)\b",
    r"\b(?:desabonn\w*|desinscri\w*|abmelden|arretez)\b",
])  # fmt: skip
