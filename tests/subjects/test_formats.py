"""What a value of each category may look like; the vectors are those of law.md section 3."""

from datetime import date

import pytest

from subjects import formats, registers
from subjects.formats import CATEGORIES, TECHNICAL

TODAY = date(2026, 11, 23)


def look(category: str, **parts: str) -> tuple[dict, set, set, set]:
    """(parts, problems, doubts, warnings), the last three as (part, code)."""
    found = formats.check(category, parts=parts, today=TODAY)
    for remark in (*found.problems, *found.doubts, *found.warnings):
        assert remark.sentence and "%(" not in remark.sentence
    return found.parts, *({(r.part, r.code) for r in kind} for kind in found[1:])


def test_every_category_of_the_approved_list_is_a_value_or_technical():
    codes = {row[0] for row in registers.CATEGORIES}
    assert set(CATEGORIES) | TECHNICAL == codes
    assert not set(CATEGORIES) & TECHNICAL


class TestIin:
    def test_birth_date_and_sex_beside_it_are_compared_and_not_kept(self):
        assert look("iin", value="850314390019", birth_date="1985-03-14", sex="male") == (
            {"value": "850314390019"}, set(), set(), set()
        )  # fmt: skip

    def test_another_birth_date_or_sex_is_a_doubt(self):
        _parts, problems, doubts, _warnings = look("iin", value="850314390019", birth_date="1985-03-15", sex="female")
        assert not problems
        assert doubts == {("birth_date", "iin_birth_date"), ("sex", "iin_sex")}

    def test_the_seventh_digit_nought_is_a_doubt_an_officer_may_override(self):
        parts, problems, doubts, _warnings = look("iin", value="850314090016")
        assert (problems, doubts) == (set(), {("value", "century_zero")})
        assert parts == {"value": "850314090016"}

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("850314390010", "iin_check"), ("850332390019", "iin_date"), ("850314790019", "iin_century"),
            ("85031439001", "iin_length"), ("010229590010", "iin_date"), ("900101300800", "iin_never_issued"),
            ("850314390О15", "digits_cyrillic"), ("170340990016", "iin_is_bin"),
        ],
    )  # fmt: skip
    def test_what_is_no_iin_is_refused(self, text, code):
        assert look("iin", value=text)[1] == {("value", code)}

    def test_a_minor_is_worth_a_word(self):
        assert look("iin", value="100101500002")[3] == {("value", "minor")}


class TestAccount:
    @pytest.mark.parametrize(
        "text", ["KZ86125KZT5004100100", "kz26 999T ST00 0000 0001", "KZ58998KZT0000000002", "KZ499970000000000003"]
    )
    def test_an_account_that_holds(self, text):
        assert look("bank_account", iban=text)[1:] == (set(), set(), set())

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("KZ26999TST0000000002", "iban_check"), ("KZ26999TST000000000", "iban_length"),
            ("RU26999TST0000000001", "iban_country"), ("KZ26999TSTО000000001", "latin_cyrillic"),
            ("KZ2699ATST0000000001", "iban_bank"),
        ],
    )  # fmt: skip
    def test_an_account_that_does_not(self, text, code):
        assert look("bank_account", iban=text)[1] == {("iban", code)}


class TestDocument:
    def test_a_card_and_a_passport(self):
        assert look("identity_document", kind="id_card", number="012 345 678")[0]["number"] == "012345678"
        assert look("identity_document", kind="passport", number="n12345678")[0]["number"] == "N12345678"

    @pytest.mark.parametrize(
        ("kind", "number", "code"),
        [
            ("id_card", "12345678", "id_card_length"), ("id_card", "1234567890", "id_card_length"),
            ("id_card", "N12345678", "digits_other"), ("id_card", "٠١٢٣٤٥٦٧٨", "document_characters"),
            ("passport", "N1234567", "passport_number"), ("passport", "A12345678", "passport_number"),
            ("passport", "012345678", "passport_number"), ("passport", "Н12345678", "latin_cyrillic"),
            ("foreign_passport", "12", "document_length"),
        ],
    )  # fmt: skip
    def test_a_wrong_number(self, kind, number, code):
        assert look("identity_document", kind=kind, number=number)[1] == {("number", code)}

    def test_another_states_document_is_doubtful_and_so_is_one_out_of_date(self):
        found = look("identity_document", kind="foreign_passport", number="75 1234567", valid_until="2026-11-22")
        assert found[1] == set()
        assert found[2] == {("number", "document_unknown"), ("valid_until", "document_expired")}
        assert look("identity_document", kind="id_card", number="012345678", valid_until="2026-11-23")[2] == set()

    def test_its_days_are_in_order(self):
        days = {"issued_on": "2020-01-02", "valid_until": "2020-01-01"}
        assert look("identity_document", kind="id_card", number="012345678", **days)[1] == {
            ("valid_until", "document_ends_first")
        }
        assert look("identity_document", kind="id_card", number="012345678", issued_on="2026-11-24")[1] == {
            ("issued_on", "document_future")
        }


class TestOthers:
    @pytest.mark.parametrize("text", ["8 701 123 45 67", "+77011234567", "7011234567"])
    def test_phones_have_one_form(self, text):
        assert look("contact_phones", value=text, kind="work")[0] == {"value": "+77011234567", "kind": "work"}

    def test_an_unknown_prefix_and_a_landline_are_worth_a_word_only(self):
        assert look("mobile_phone", value="+77991234567")[1:] == (set(), set(), {("value", "phone_unknown_prefix")})
        assert look("mobile_phone", value="+77172123456")[3] == {("value", "phone_landline")}

    @pytest.mark.parametrize("text", ["1e9", "٣٠٠", "-5", "NaN", "1.234", "1_000", "", " ", "10000000000000"])
    def test_what_is_no_sum(self, text):
        assert look("salary_amount", value=text)[1] in ({("value", "amount")}, {("value", "missing")})

    def test_a_sum(self):
        assert look("salary_amount", value="250 000,50")[0] == {"value": "250000.50"}

    @pytest.mark.parametrize(("text", "good"), [("1", True), ("31", True), ("0", False), ("32", False), ("٣", False)])
    def test_a_day_of_the_month(self, text, good):
        assert (look("salary_date", value=text)[1] == set()) is good

    def test_parts_are_named_and_required(self):
        assert look("full_name", last="Серікова", nick="x")[1] == {("nick", "unknown_part"), ("first", "missing")}
        assert look("marital_status", value="complicated")[1] == {("value", "not_chosen")}
        assert look("addresses", kind="registered", value="Алматы\x00")[1] == {("value", "text_control")}
        assert look("employer", value="x" * 301)[1] == {("value", "text_length")}
