"""What was shown can be made again, whatever the catalogues say by then (94-V art. 8; receipts)."""

import pytest
from django.utils import translation

from consent import form_text
from consent.models import ConsentEvent, ConsentFormVersion
from tests.consent.factories import form, given, version
from tests.subjects.factories import DataSubjectFactory


@pytest.mark.parametrize(
    ("term", "until", "kk", "ru", "en"),
    [
        ("P1Y", False, "1 жыл", "1 год", "1 year"),
        ("P2Y6M", False, "2 жыл 6 ай", "2 года 6 месяцев", "2 years 6 months"),
        ("P11D", False, "11 күн", "11 дней", "11 days"),
        ("P21D", False, "21 күн", "21 день", "21 days"),
        ("", True, "мақсаттарға қол жеткенге дейін", "до достижения целей", "until the purposes are reached"),
        ("", False, "", "", ""),
    ],
)
def test_a_term_reads_as_its_language_counts(term, until, kk, ru, en):
    row = ConsentFormVersion(term=term, until_purposes_reached=until)
    assert [form_text.term_in_words(row, language) for language in ("kk", "ru", "en")] == [kk, ru, en]


@pytest.mark.django_db
def test_what_was_shown_is_made_again_whatever_the_catalogues_say(monkeypatch):
    person = DataSubjectFactory()
    event = given(person, version(form("C8"), term="P1Y"), language="kk")
    monkeypatch.setattr("django.utils.translation._trans.gettext", lambda text: f"changed {text}")
    with translation.override("ru"):
        text = form_text.recompose(ConsentEvent.objects.get(pk=event.pk))
    assert text.sha256 == event.sha256
    assert "Мерзімі: 1 жыл." in text.text
    assert "Шетелге: жоқ." in text.text
