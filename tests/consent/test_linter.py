"""A form without one of the elements of art. 8(4) of 94-V is not offered to anybody (issue 3, shows 3)."""

from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.test import override_settings
from django.utils import translation

from audit.actor import acting_as
from consent import drafting, registers
from consent.enums import FormState
from consent.linter import ELEMENTS, lint
from consent.models import ConsentForm, ConsentFormVersion, FormItem, Purpose, PurposeCategory, RetentionRule
from staff.models import Operator
from subjects import registers as categories
from tests.staff.factories import StaffUserFactory, as_officer, permit

pytestmark = pytest.mark.django_db
SHARED = Path(__file__).parents[3] / "shared"
ANSWERED = {
    "until_purposes_reached": True,
    "to_third_parties": False,
    "cross_border": False,
    "public_distribution": False,
}
RIGHTS = ("consent.add_consentformversion", "consent.submit_consentformversion", "consent.approve_consentformversion")


@pytest.fixture
def house():
    Operator.objects.create(pk=1, name_kk="Айқын", name_ru="Айкын", bin="990140000385", email="office@example.kz")
    categories.load()
    with acting_as("command:load_registers@test"):
        registers.load()


@pytest.fixture
def writer(house):
    return permit(StaffUserFactory(), *RIGHTS)


@pytest.fixture
def other(house):
    return permit(StaffUserFactory(), *RIGHTS)


@pytest.fixture
def draft(writer):
    with as_officer(writer):
        return drafting.start(form=ConsentForm.objects.get(code="C1"), by=writer)


def found(version) -> set[tuple[str, str, str]]:
    version = ConsentFormVersion.objects.get(pk=version.pk)
    return {(f.code, f.article, f.language) for f in lint(version, Operator.current())}


class TestLinter:
    def test_every_sample_passes(self, writer):
        with as_officer(writer):
            for form in ConsentForm.objects.all():
                assert found(drafting.start(form=form, by=writer)) == set(), form.code
        assert ConsentFormVersion.objects.count() == 12

    @pytest.mark.prove
    def test_each_of_the_seven_elements_taken_out_in_turn_is_refused_by_its_article(self, draft, writer):
        """Out of a text, out of the answers, out of the list (issue 3, shows 3)."""
        whole = {f"text_{language}": draft.text(language) for language in ("kk", "ru", "en")}
        refused = set()

        def takes_out(number: int, how: str, change: dict) -> None:
            ConsentFormVersion.objects.filter(pk=draft.pk).update(**change)
            with as_officer(writer), translation.override("en"), pytest.raises(ValidationError) as caught:
                drafting.submit(version=draft, by=writer)
            assert len(caught.value.messages) == 1, caught.value.messages
            assert f"94-V art. 8(4)({number})" in caught.value.messages[0], (how, caught.value.messages)
            ConsentFormVersion.objects.filter(pk=draft.pk).update(**whole, **ANSWERED)
            refused.add((number, how))

        for number in range(1, 8):
            elements = [p for article, p, _title in ELEMENTS.values() if article.endswith(f"8(4)({number})")]
            assert elements, number
            for placeholder in elements:
                for name, text in whole.items():
                    assert f"{{{placeholder}}}" in text
                    takes_out(number, f"{placeholder} {name}", {name: text.replace(f"{{{placeholder}}}", "…")})
        takes_out(3, "no term", {"until_purposes_reached": False})
        takes_out(4, "no answer", {"to_third_parties": None})
        takes_out(5, "no answer", {"cross_border": None})
        takes_out(6, "no answer", {"public_distribution": None})
        operator = Operator.objects.get()
        Operator.objects.update(bin="")
        takes_out(1, "no BIN", {})
        Operator.objects.update(bin=operator.bin, name_kk="")
        takes_out(1, "no name", {})
        Operator.objects.update(name_kk=operator.name_kk)
        FormItem.objects.filter(version=draft, kind="category").delete()
        takes_out(7, "no data", {})
        assert {number for number, _how in refused} == set(range(1, 8))
        print(f"\n7 elements of art. 8(4) taken out in {len(refused)} ways: {len(refused)} refused by their article")

    @pytest.mark.parametrize("element", ELEMENTS)
    @pytest.mark.parametrize("language", ["kk", "ru"])
    def test_a_text_without_an_element_is_refused_with_its_article(self, draft, element, language):
        article, placeholder, _title = ELEMENTS[element]
        text = draft.text(language).replace(f"{{{placeholder}}}", "…")
        ConsentFormVersion.objects.filter(pk=draft.pk).update(**{f"text_{language}": text})
        assert found(draft) == {("element_missing", article, language)}

    @pytest.mark.parametrize(
        ("change", "article"),
        [
            ({"until_purposes_reached": False}, "94-V art. 8(4)(3)"),
            ({"to_third_parties": None}, "94-V art. 8(4)(4)"),
            ({"cross_border": None}, "94-V art. 8(4)(5)"),
            ({"public_distribution": None}, "94-V art. 8(4)(6)"),
        ],
    )
    def test_an_unanswered_question_is_refused_with_its_article(self, draft, change, article):
        ConsentFormVersion.objects.filter(pk=draft.pk).update(**change)
        assert found(draft) == {("value_missing", article, "")}

    def test_without_data_or_words_or_recipients_or_a_bin_it_is_refused(self, draft):
        FormItem.objects.filter(version=draft, category__code="iin").update(text_kk="")
        assert found(draft) == {("words_missing", "94-V art. 8(4)(7)", "kk")}
        FormItem.objects.filter(version=draft, kind="category").delete()
        assert found(draft) == {("value_missing", "94-V art. 8(4)(7)", "")}
        ConsentFormVersion.objects.filter(pk=draft.pk).update(to_third_parties=True)
        assert ("recipients_missing", "94-V art. 8(4)(4)", "") in found(draft)
        Operator.objects.update(bin="")
        assert ("value_missing", "94-V art. 8(4)(1)", "") in found(draft)

    def test_a_form_that_denies_third_parties_and_names_one_is_refused(self, draft):
        FormItem.objects.create(
            version=draft, kind="recipient", recipient_kind="courier", text_kk="курьер", text_ru="курьер", text_en="x"
        )
        assert found(draft) == {("recipients_denied", "94-V art. 8(4)(4)", "")}

    def test_a_missing_language_is_refused(self, draft):
        ConsentFormVersion.objects.filter(pk=draft.pk).update(text_kk="")
        assert found(draft) == {("text_missing", "94-V art. 8(4)", "kk")}

    @pytest.mark.skipif(not SHARED.exists(), reason="the real policy is not here")
    def test_the_real_policys_own_unconditional_consent_is_refused(self, draft):
        for language in ("ru", "kk"):
            text = (SHARED / "policy" / f"{language}.md").read_text()
            placeholders = " ".join(f"{{{placeholder}}}" for _a, placeholder, _t in ELEMENTS.values())
            ConsentFormVersion.objects.filter(pk=draft.pk).update(**{f"text_{language}": f"{placeholders}\n{text}"})
        codes = found(draft)
        assert ("unconditional", "94-V art. 8(1)", "ru") in codes
        assert ("unconditional", "94-V art. 8(1)", "kk") in codes

    def test_the_sentence_names_the_element_and_the_article_in_the_readers_language(self, draft):
        ConsentFormVersion.objects.filter(pk=draft.pk).update(cross_border=None)
        (finding,) = lint(ConsentFormVersion.objects.get(pk=draft.pk), Operator.current())
        with translation.override("en"):
            assert finding.sentence == "The form does not answer: whether data go abroad (94-V art. 8(4)(5))."


class TestTwoPeople:
    def test_a_form_takes_effect_when_a_second_person_approved_it_and_the_one_before_ends_then(self, writer, other):
        form = ConsentForm.objects.get(code="C8")
        for number in (1, 2):
            with as_officer(writer):
                version = drafting.submit(version=drafting.start(form=form, by=writer), by=writer)
            assert not ConsentFormVersion.objects.in_force().filter(pk=version.pk).exists()
            with as_officer(other):
                drafting.approve(version=version, by=other)
            assert [v.number for v in ConsentFormVersion.objects.in_force().filter(form=form)] == [number]

    def test_whoever_wrote_or_submitted_it_does_not_approve_it_even_past_the_service(self, draft, writer, other):
        with as_officer(writer):
            version = drafting.submit(version=draft, by=writer)
            with pytest.raises(ValidationError):
                drafting.approve(version=version, by=writer)
        for user in (writer, other):
            with as_officer(user), pytest.raises(IntegrityError), transaction.atomic():
                ConsentFormVersion.objects.filter(pk=version.pk).update(
                    state=FormState.APPROVED,
                    approved_by=writer,
                    approved_at=version.submitted_at,
                    in_force_during=(version.submitted_at, None),
                )

    def test_what_is_in_review_is_frozen_for_everybody(self, draft, writer, other):
        with as_officer(writer):
            drafting.submit(version=draft, by=writer)
        for act in (
            lambda: ConsentFormVersion.objects.filter(pk=draft.pk).update(text_ru="…"),
            lambda: FormItem.objects.filter(version=draft).delete(),
            lambda: FormItem.objects.create(version=draft, kind="recipient", recipient_kind="other"),
        ):
            with as_officer(other), pytest.raises(IntegrityError), transaction.atomic():
                act()
        with as_officer(other):
            assert drafting.send_back(version=draft, by=other).state == FormState.DRAFT

    def test_a_draft_with_findings_is_not_submitted_and_every_sentence_is_told(self, draft, writer):
        with as_officer(writer):
            ConsentFormVersion.objects.filter(pk=draft.pk).update(cross_border=None, to_third_parties=None)
            with pytest.raises(ValidationError) as caught:
                drafting.submit(version=draft, by=writer)
        assert len(caught.value.messages) == 2

    def test_without_the_right_no_step_is_taken(self, draft):
        nobody = StaffUserFactory()
        with as_officer(nobody):
            for step in (drafting.submit, drafting.approve, drafting.send_back):
                with pytest.raises(PermissionDenied):
                    step(version=draft, by=nobody)

    def test_advertising_is_never_required_of_anybody(self, house):
        with pytest.raises(IntegrityError), transaction.atomic():
            ConsentForm.objects.filter(code="C8").update(required=True)
        with pytest.raises(IntegrityError), transaction.atomic():
            ConsentForm.objects.filter(code="C12").update(withdrawal="after_obligations")


class TestRegisters:
    def test_a_second_loading_adds_nothing_and_overwrites_nothing(self, house):
        assert Purpose.objects.count() == 24
        assert ConsentForm.objects.count() == 12
        with acting_as("migration:consent.tests"):
            Purpose.objects.filter(code="contract").update(title_ru="Иначе")
        with acting_as("command:load_registers@test"):
            assert registers.load() == (0, 0, 0, 0)
        assert Purpose.objects.get(code="contract").title_ru == "Иначе"

    @pytest.mark.skipif(not SHARED.exists(), reason="the fixtures are not here")
    def test_the_codes_are_those_of_the_law_fixtures(self, house):
        import json

        facts = json.loads((SHARED / "domain" / "law_fixtures.json").read_text())
        assert list(Purpose.objects.values_list("code", flat=True)) == [row["code"] for row in facts["purposes"]]

    def test_nobody_else_loads_and_nothing_in_force_is_edited(self, house, writer):
        cell = PurposeCategory.objects.first()
        with as_officer(writer):
            for act in (
                lambda: PurposeCategory.objects.filter(pk=cell.pk).update(necessity="optional"),
                lambda: PurposeCategory.objects.filter(pk=cell.pk).delete(),
                lambda: RetentionRule.objects.filter(code="credit-file").update(duration="P1D"),
                lambda: RetentionRule.objects.create(
                    code="x", retention_class="loan", duration="P1D", starts_on="collected", loaded=True
                ),
            ):
                with pytest.raises(IntegrityError), transaction.atomic():
                    act()

    def test_a_proposed_rule_needs_a_second_person(self, house, writer, other):
        from django.utils import timezone

        with as_officer(writer):
            rule = RetentionRule.objects.create(
                code="calls", retention_class="technical", duration="P1Y", starts_on="collected",
                proposed_by=writer, proposed_at=timezone.now(),
            )  # fmt: skip
            assert list(RetentionRule.objects.waiting()) == [rule]
            rule.approved_by, rule.approved_at, rule.in_force_during = writer, timezone.now(), (timezone.now(), None)
            with pytest.raises(IntegrityError), transaction.atomic():
                rule.save()
        with as_officer(other):
            rule.approved_by = other
            rule.save()
        assert rule in RetentionRule.objects.in_force()


@override_settings(LANGUAGE_CODE="kk")
def test_a_sample_reads_whole_in_three_languages(draft):
    from consent.form_text import compose

    version = ConsentFormVersion.objects.select_related("form").get(pk=draft.pk)
    for language, words in (("kk", "Жеке сәйкестендіру нөмірі"), ("ru", "Индивидуальный"), ("en", "Individual")):
        text = compose(version, wanted=language, reference="S-000001", operator=Operator.current())
        assert text.language == language
        assert words in text.text
        assert "{" not in text.text
