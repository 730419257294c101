"""A first draft of each form, in our own words: what an officer starts from when a form has no version yet."""

from typing import NamedTuple

from django.utils import translation

from consent.enums import RecipientKind, Withdrawal
from consent.models import ConsentForm, ConsentFormVersion, FormItem, ItemKind, Purpose
from subjects.models import DataCategory

BODY = {
    "kk": """Мен, дербес деректер субъектісі ({subject}), {operator} (БСН {bin}) ұйымына мынадай келісім беремін: {title}.

Мақсаттар:
{purposes}

Жиналатын және өңделетін деректер:
{data}

Үшінші тұлғаларға беру: {third_parties}.
{recipients}
Трансшекаралық беру: {cross_border}.
Жалпыға қолжетімді көздерде тарату: {public}.
Келісімнің мерзімі: {term}.

{withdrawal}""",
    "ru": """Я, субъект персональных данных ({subject}), даю организации {operator} (БИН {bin}) согласие: {title}.

Цели:
{purposes}

Собираемые и обрабатываемые данные:
{data}

Передача третьим лицам: {third_parties}.
{recipients}
Трансграничная передача: {cross_border}.
Распространение в общедоступных источниках: {public}.
Срок согласия: {term}.

{withdrawal}""",
    "en": """I, the data subject ({subject}), give {operator} (BIN {bin}) this consent: {title}.

Purposes:
{purposes}

Data collected and processed:
{data}

Transfer to third parties: {third_parties}.
{recipients}
Cross-border transfer: {cross_border}.
Distribution in public sources: {public}.
Term of the consent: {term}.

{withdrawal}""",
}
WITHDRAWAL = {
    Withdrawal.AT_ANY_TIME: {
        "kk": "Келісімді жеке кабинетте немесе жазбаша өтінішпен кез келген уақытта кері қайтарып алуға болады. Бас тарту микрокредит беруге әсер етпейді.",
        "ru": "Согласие можно отозвать в любое время в личном кабинете или письменным заявлением. Отказ не влияет на выдачу микрокредита.",
        "en": "The consent may be withdrawn at any time in the cabinet or in writing. A refusal has no effect on the loan.",
    },
    Withdrawal.AFTER_OBLIGATIONS: {
        "kk": "Келісімді жеке кабинетте немесе жазбаша өтінішпен кері қайтарып алуға болады. Шарт бойынша міндеттеме орындалмаған болса, кері қайтарып алу ол орындалғаннан кейін күшіне енеді (№ 94-V Заңның 8-бабының 2-тармағы).",
        "ru": "Согласие можно отозвать в личном кабинете или письменным заявлением. Если обязательство по договору не исполнено, отзыв вступает в силу после его исполнения (пункт 2 статьи 8 Закона № 94-V).",
        "en": "The consent may be withdrawn in the cabinet or in writing. While an obligation under the contract is open, the withdrawal takes effect when it is performed (Law 94-V, art. 8(2)).",
    },
}


class Sample(NamedTuple):
    """What a sample names. term: ISO 8601, "" until the purposes are reached. Data: those the purposes need."""

    purposes: str
    recipients: tuple[str, ...] = ()
    term: str = ""
    cross_border: bool = False
    public: bool = False
    categories: str = ""


K = RecipientKind
SAMPLES = {
    "C1": Sample("contract identification legal_defence appeals contract_control correspondence communication scoring settlements denylist abuse collection security client_base"),
    "C2": Sample("correspondence settlements collection", (K.COURIER, K.PAYMENT_PROVIDER, K.COLLECTOR)),
    "C3": Sample("bureau_transfer", (K.CREDIT_BUREAU,)),
    "C4": Sample("scoring", (K.CREDIT_BUREAU, K.STATE_CREDIT_BUREAU), "P6M"),
    "C5": Sample("identification scoring", (K.STATE_BODY, K.PENSION_CENTRE), "P6M"),
    "C6": Sample("bureau_transfer collection", (K.CREDIT_BUREAU, K.COLLECTOR, K.ASSIGNEE)),
    "C7": Sample("identification", categories="biometrics"),
    "C8": Sample("marketing", (K.MESSENGER,), "P1Y", categories="full_name email mobile_phone"),
    "C9": Sample("marketing", (K.ADVERTISER,), "P1Y", categories="email mobile_phone"),
    "C10": Sample("marketing", (K.HOSTING,), "P1Y", cross_border=True, categories="email"),
    "C11": Sample("marketing", (), "P1Y", public=True, categories="full_name"),
    "C12": Sample("marketing", (K.ADVERTISER,), "P1Y", categories="cookie browser"),
}  # fmt: skip


def fill(version: ConsentFormVersion) -> None:
    """Write the sample of its form into an empty draft: texts, answers and items; the draft is saved."""
    form, sample = version.form, SAMPLES[version.form.code]
    for language, body in BODY.items():
        words = body.replace("{title}", _lower(form, language)).replace(
            "{withdrawal}", WITHDRAWAL[Withdrawal(form.withdrawal)][language]
        )
        setattr(version, f"text_{language}", words)
    version.term, version.until_purposes_reached = sample.term, not sample.term
    version.to_third_parties = bool(sample.recipients)
    version.cross_border, version.public_distribution = sample.cross_border, sample.public
    version.save()
    purposes = Purpose.objects.filter(code__in=sample.purposes.split()).prefetch_related("cells__category")
    # biometric data have a form of their own
    needed = {cell.category for row in purposes for cell in row.cells.all() if not cell.category.biometric}
    wanted = set(sample.categories.split()) or {category.code for category in needed}
    categories = DataCategory.objects.filter(code__in=wanted)
    items = [FormItem(kind=ItemKind.PURPOSE, purpose=row, order=row.order, **_titles(row)) for row in purposes]
    items += [FormItem(kind=ItemKind.CATEGORY, category=row, order=row.order, **_titles(row)) for row in categories]
    for order, kind in enumerate(sample.recipients):
        items.append(FormItem(kind=ItemKind.RECIPIENT, recipient_kind=kind, order=order, **_labels(kind)))
    for item in items:
        item.version = version
    FormItem.objects.bulk_create(items)


def _lower(form: ConsentForm, language: str) -> str:
    title = getattr(form, f"title_{language}") or form.title_ru
    return title[:1].lower() + title[1:]


def _titles(row: Purpose | DataCategory) -> dict[str, str]:
    return {f"text_{code}": getattr(row, f"title_{code}") or "" for code in BODY}


def _labels(kind: RecipientKind) -> dict[str, str]:
    found = {}
    for code in BODY:
        with translation.override(code):
            found[f"text_{code}"] = str(kind.label)
    return found
