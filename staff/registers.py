"""The confidentiality undertaking every installation starts with (policy 4.3); a better text is a new version."""

from django.db import transaction

from staff.models import Undertaking

UNDERTAKING = {
    "kk": """Мен қызметіме байланысты маған белгілі болған дербес деректерді құпия сақтауға міндеттенемін.

Мен деректерді тек жұмысым үшін қажет болғанда ғана ашамын, ашу себебін шынайы көрсетемін және оларды басқа адамдарға, соның ішінде әріптестеріме, қажетсіз айтпаймын.

Деректерді жеке құрылғыларыма көшірмеймін, суретке түсірмеймін. Қауіпсіздіктің бұзылғанын байқасам, жауапты тұлғаға бірден хабарлаймын.

Бұл міндеттеме жұмыстан шыққаннан кейін де сақталады. Әрбір әрекетім жазылатынын және бұзғаным үшін Қазақстан Республикасының заңдары бойынша жауап беретінімді білемін.""",
    "ru": """Я обязуюсь хранить в тайне персональные данные, которые стали мне известны по работе.

Я открываю данные, только когда они нужны для моей работы, честно указываю причину и не сообщаю их другим, в том числе коллегам, без необходимости.

Я не копирую данные на личные устройства и не фотографирую их. Заметив нарушение безопасности, я сразу сообщаю об этом ответственному лицу.

Это обязательство действует и после увольнения. Я знаю, что каждое моё действие записывается и что за нарушение я отвечаю по законам Республики Казахстан.""",
    "en": """I undertake to keep secret the personal data that I come to know at work.

I open data only when my work needs them, give the true reason and do not pass them on without need, colleagues included.

I do not copy data to devices of my own and take no pictures of them. When I notice a breach of security, I tell the responsible person at once.

This undertaking stays in force after I leave. I know that everything I do is recorded and that I answer for a breach under the laws of the Republic of Kazakhstan.""",
}


@transaction.atomic
def load() -> bool:
    """Make the first version where there is none, so that nobody is let in without a promise; whether it did."""
    if Undertaking.objects.exists():
        return False
    Undertaking.objects.create(version=1, **{f"text_{language}": text for language, text in UNDERTAKING.items()})
    return True
