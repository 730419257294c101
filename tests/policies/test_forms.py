"""What officers type in clear speaks of nobody (DESIGN 4)."""

import pytest

from policies.forms import ChangesForm, DraftForm, ImportForm
from policies.models import PolicyVersion

pytestmark = pytest.mark.django_db

SPEAKS = ["Жалоба по ИИН 850314390019", "звонил +7 701 234 56 78", "client@mail.kz просит", "KZ86125KZT5004100100"]
SILENT = "Приказ № 12-Ө от 03.11.2026, ст. 8 закона 94-V; см. S-000481"


@pytest.mark.parametrize("text", SPEAKS)
def test_notes_reasons_and_wishes_that_speak_of_a_person_are_refused_with_a_sentence(text):
    texts = {
        "note": ImportForm({"note": text}),
        "what": ChangesForm({"what": text}),
    }
    draft = DraftForm(dict.fromkeys(DraftForm.Meta.fields, text), instance=PolicyVersion())
    texts |= {"significance_reason_ru": draft, "significance_reason_kk": draft, "order_number": draft}
    for name, form in texts.items():
        assert any("S-000481" in error for error in form.errors[name]), name


def test_orders_articles_dates_and_references_pass():
    assert "what" not in ChangesForm({"what": SILENT}).errors
    assert "note" not in ImportForm({"note": SILENT}).errors
    assert (
        "significance_reason_ru" not in DraftForm({"significance_reason_ru": SILENT}, instance=PolicyVersion()).errors
    )
