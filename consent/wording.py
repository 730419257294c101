"""Wording that no form of consent may have, as each of the three languages puts it (94-V art. 7, 8).

The Kazakh patterns are written with the Kazakh letters: a Latin "i" of a text is read as the Kazakh one first.
"""

import re
from collections.abc import Iterator

_FLAGS = re.IGNORECASE


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), _FLAGS)


# whoever uses a service, or keeps silent, has consented to nothing by it
UNCONDITIONAL = {
    "kk": _any(
        r"\b(?:сөзсіз|шартсыз|даусыз)\s+(?:\w+\s+){0,3}келіс\w*",
        r"(?:пайдалан|қолдан)\w*[^.]{0,200}келіс[^.]{0,80}(?:білдіреді|білдіретін|есептеледі|саналады|табылады)",
        r"(?:сайт|сервис|қосымша|платформа|кабинет|қызмет)\w*[^.]{0,60}(?:пайдалана|қолдана|жалғастыра)\w*[^.]{0,120}келіс\w*",
    ),
    "ru": _any(
        r"(?:безусловн|безоговорочн)\w*\s+(?:\w+\s+){0,3}соглас\w*",
        r"соглас\w*\s+(?:\w+\s+){0,3}(?:безусловн|безоговорочн)\w*",
        r"пользовани\w*[^.]{0,200}(?:означает|является|считается|подтверждает|выражает)[^.]{0,80}соглас\w*",
        r"\b(?:пользуясь|используя|посещая)[^.]{0,60}(?:сайт|сервис|услуг|приложени|платформ|кабинет)[^.]{0,120}соглас\w*",
        r"\bпродолж\w+[^.]{0,30}(?:использ|польз)\w*[^.]{0,120}соглас\w*",
        r"\b(?:молчани|бездействи)\w*[^.]{0,80}соглас\w*",
    ),
    "en": _any(
        r"\bunconditional\w*\s+(?:\w+\s+){0,3}(?:consent|agree)\w*",
        r"\b(?:consent|agree)\w*\s+(?:\w+\s+){0,3}unconditional\w*",
        r"\b(?:use|using|access|visiting|silence)\b[^.]{0,200}\b(?:means?|constitutes?|implies|signifies|amounts?)\b"
        r"[^.]{0,80}\b(?:consent|agree)\w*",
        r"\bby\s+(?:using|accessing|visiting|continuing)\b[^.]{0,120}\b(?:agree|consent)\w*",
        r"\bdeemed\s+(?:to\s+(?:have\s+)?)?(?:\w+\s+)?(?:consent|agree)\w*",
    ),
}
# nobody consents to everything at once
EVERYTHING = {
    "kk": _any(r"барлығына\s+келіс\w*", r"кез\s+келген\s+мақсат\w*"),
    "ru": _any(r"соглас\w*\s+(?:на|со)\s+вс[её]м?\b(?!\s+указанн)", r"(?:на|для|в)\s+люб(?:ые|ых)\s+цел\w*"),
    "en": _any(r"\b(?:consent|agree)\w*\s+to\s+(?:everything|all)\b(?!\s+of\s+the\s+above)", r"\bany\s+purposes?\b"),
}
# a list that has no end names nothing
_ENDLESS = {
    "kk": _any(
        r"(?<!\w)(?:ж\.\s?)?т\.\s?б\b\.?",
        r"(?<!\w)т\.\s?с\.\s?с\b\.?",
        r"\b(?:және\s+)?тағы\s+басқа\w*",
        r"\bмен\s+шектелмей\w*",
    ),
    "ru": _any(
        r"(?<!\w)и\s+т\.?\s?[дп]\b\.?",
        r"\bи\s+так\s+далее\b",
        r"\bи\s+тому\s+подобн\w*",
        r"\bи\s+проч(?:ее|ие|их)\b",
        r"(?<!\w)и\s+др\.",
        r"\bне\s+ограничиваясь\b",
    ),
    "en": _any(r"\betc\b\.?", r"\band\s+so\s+(?:on|forth)\b", r"\bnot\s+limited\s+to\b"),
}
# nor does a purpose that nobody can foresee; a sentence that forbids it, or frees a withdrawal, is another matter
_BOUNDLESS = {
    "kk": _any(r"\b(?:өзге|басқа)\s+(?:де\s+)?(?:заңды\s+)?мақсат\w*", r"\b(?:ешқандай\s+)?шектеу(?:сіз|лерсіз)\b"),
    "ru": _any(
        r"\b(?:ин|друг|проч)(?:ые|ых|ым|ими?|ыми|ие|их)\s+(?:\w+\s+)?цел(?:и|ей|ях|ям|ями)\b",
        r"\bбез\s+(?:каких-либо\s+|всяких\s+)?ограничений\b",
        r"\bцел\w+,?\s+не\s+(?:противоречащ|запрещ[её]нн)\w+",
    ),
    "en": _any(r"\b(?:other|further)\s+(?:\w+\s+)?purposes?\b", r"\bwithout\s+(?:any\s+)?(?:limit|restrict)\w*"),
}
_EXCUSED = {
    "kk": _any(r"\w+м[ае]й(?:ды|ді|мыз|міз)\b", r"тыйым\s+салын", r"кері\s+қайтар", r"бас\s+тарт"),
    "ru": _any(
        r"\bне\s+(?:будут\s+|могут\s+)?(?:использ|обраб|перед|примен|собир|допуск)", r"\bотозва", r"\bотзыв", r"\bотказ"
    ),
    "en": _any(r"\b(?:not|never|nor)\s+(?:be\s+)?(?:used|processed|passed|collected)", r"\bwithdr", r"\brefus"),
}


def _sentence_around(text: str, start: int, end: int) -> str:
    first = max(text.rfind(mark, 0, start) for mark in ".\n") + 1
    last = min((at for mark in ".\n" if (at := text.find(mark, end)) >= 0), default=len(text))
    return text[first:last]


def read(text: str, language: str) -> str:
    """The text as the patterns read it, letter for letter as long as it was."""
    return text.replace("i", "і").replace("I", "І") if language == "kk" else text


def open_ended(text: str, language: str) -> Iterator[re.Match[str]]:
    """Every place where the text names no bounds: of a purpose, of data, of recipients."""
    text = read(text, language)
    yield from _ENDLESS[language].finditer(text)
    for match in _BOUNDLESS[language].finditer(text):
        if not _EXCUSED[language].search(_sentence_around(text, *match.span())):
            yield match
