"""Forms in force, contracts and answers for tests: made as two officers make them, given as a person gives them."""

from datetime import datetime

from django.utils import timezone

from audit.actor import acting_as
from consent import ledger
from consent.enums import Channel, FormState, Ground, ScopeKind, Trust, Withdrawal
from consent.ledger import Proof
from consent.models import ConsentEvent, ConsentForm, ConsentFormVersion, FormItem, ItemKind, Purpose
from staff.models import Operator
from subjects import registers
from subjects.models import DataCategory, DataSubject
from tests.staff.factories import StaffUserFactory

BY_CODE = Proof(Channel.WEB, Trust.SUBJECT_CODE)
TEXT = {
    "ru": "{operator}, БИН {bin}. Субъект: {subject}.\nСрок: {term}.\nТретьим лицам: {third_parties}."
    " За границу: {cross_border}. В открытых источниках: {public}.\nДанные:\n{data}\nЦели:\n{purposes}\nКому:\n{recipients}",
    "kk": "{operator}, БСН {bin}. Субъект: {subject}.\nМерзімі: {term}.\nҮшінші тұлғаларға: {third_parties}."
    " Шетелге: {cross_border}. Ашық көздерде: {public}.\nДеректер:\n{data}\nМақсаттар:\n{purposes}\nКімге:\n{recipients}",
}


def purpose(code: str = "contract", *, ground: str = Ground.CONSENT, required: bool = True) -> Purpose:
    with acting_as("command:load_registers@tests"):
        row, _new = Purpose.objects.get_or_create(
            code=code,
            defaults={"title_ru": code, "title_kk": code, "title_en": code, "ground": ground, "required": required},
        )
    return row


def form(code: str = "C1", *, bound: bool | None = None, scope_kind: str = ScopeKind.WHOLE) -> ConsentForm:
    """C1-C7 are bound to the loan unless said otherwise."""
    bound = code in {"C1", "C2", "C3", "C4", "C5", "C6", "C7"} if bound is None else bound
    row, _new = ConsentForm.objects.get_or_create(
        code=code,
        defaults={
            "title_ru": f"Согласие {code}",
            "title_kk": f"Келісім {code}",
            "title_en": f"Consent {code}",
            "withdrawal": Withdrawal.AFTER_OBLIGATIONS if bound else Withdrawal.AT_ANY_TIME,
            "scope_kind": scope_kind,
        },
    )
    return row


def version(
    of: ConsentForm | None = None,
    *,
    purposes: dict[str, str] | None = None,
    categories: dict[str, str] | tuple[str, ...] = ("full_name", "iin"),
    words: dict[str, dict[str, str]] | None = None,
    term: str = "P1Y",
    legacy: bool = False,
    at: datetime | None = None,
    cross_border: bool = False,
) -> ConsentFormVersion:
    """A version in force from `at` (now); it takes the place of the one before.

    purposes, categories: {code: languages that name it}. words: {code: {language: words}} where they matter.
    """
    categories = categories if isinstance(categories, dict) else dict.fromkeys(categories, "kk ru")
    words = words or {}

    def named(code: str, languages: str) -> dict[str, str]:
        return {f"text_{lang}": words.get(code, {}).get(lang, f"{code} {lang}") for lang in languages.split()}

    of = of or form()
    Operator.objects.get_or_create(
        pk=1, defaults={"name_kk": "Айқын", "name_ru": "Айкын", "bin": "990140000385", "email": "office@example.kz"}
    )
    if not DataCategory.objects.exists():
        registers.load()
    writer, approver = StaffUserFactory(), StaffUserFactory()
    moment = at or timezone.now()
    number = of.versions.count() + 1
    with acting_as(f"officer:{writer.pk}"):
        made = ConsentFormVersion.objects.create(
            form=of,
            number=number,
            text_ru=TEXT["ru"],
            text_kk=TEXT["kk"],
            term=term,
            until_purposes_reached=not term,
            to_third_parties=False,
            cross_border=cross_border,
            public_distribution=False,
            legacy=legacy,
        )
        for code, languages in (purposes or {"contract": "kk ru"}).items():
            FormItem.objects.create(
                version=made, kind=ItemKind.PURPOSE, purpose=purpose(code), **named(code, languages)
            )
        for code, languages in categories.items():
            category = DataCategory.objects.get(code=code)
            FormItem.objects.create(version=made, kind=ItemKind.CATEGORY, category=category, **named(code, languages))
        made.state, made.submitted_by, made.submitted_at = FormState.IN_REVIEW, writer, moment
        made.save()
    with acting_as(f"officer:{approver.pk}"):
        for old in ConsentFormVersion.objects.filter(form=of, in_force_during__endswith=None, state=FormState.APPROVED):
            if not legacy and old.in_force_during:
                old.in_force_during = (old.in_force_during.lower, moment)
                old.save()
        made.state, made.approved_by, made.approved_at = FormState.APPROVED, approver, moment
        made.in_force_during = None if legacy else (moment, None)
        made.save()
    made.refresh_from_db()
    return made


def given(
    subject: DataSubject, of: ConsentFormVersion, *, language: str = "ru", scope: str = "", proof: Proof = BY_CODE
) -> ConsentEvent:
    """The person is shown the form in their language and consents."""
    shown = ledger.serve(subject=subject, version=of, language=language, scope=scope)
    return ledger.give(served=shown.served, expected_version=of.number, proof=proof)


def refused(subject: DataSubject, of: ConsentFormVersion, *, scope: str = "") -> ConsentEvent:
    shown = ledger.serve(subject=subject, version=of, language="ru", scope=scope)
    return ledger.refuse(served=shown.served, expected_version=of.number, proof=BY_CODE)
