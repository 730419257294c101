import random
import re
import time
from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from hypothesis import assume, given
from hypothesis import strategies as st

from subjects.free_text import find_personal_data, refuse_personal_data
from subjects.identifiers import check_digit

IINS = ["850314390019", "921130490023", "780705490035", "010228590046", "041209690108", "960229391800"]


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def found(text: str) -> list[str]:
    return [code for code, _position in find_personal_data(text)]


@pytest.mark.parametrize("iin", IINS)
@pytest.mark.parametrize(
    "around", ["{}", "ИИН {}.", "клиент({}),", "ЖСН:{}", "№{}", "x{}y", "5 {} 7", "см. {}\nи далее"]
)
def test_an_iin_is_found_wherever_it_stands(iin, around):
    assert found(around.format(iin)) == ["text_iin"]


@pytest.mark.parametrize(
    "written",
    [
        "850314 390019",
        "850314-390019",
        "850314\u00a0390019",
        "850314 3 90019",
        "8503 1439 0019",
        "850 314 390 019",
        "85.03.14.39.00.19",
        "850314--390019",
        "850314/390019",
        "850314–390019",
        "850314\u200b390019",
        "٨٥٠٣١٤٣٩٠٠١٩",
        "８５０３１４３９００１９",
        "1 2 850314 390019",
    ],
)
def test_separators_and_foreign_digits_do_not_hide_an_iin(written):
    assert found(f"клиент {written} просит") == ["text_iin"]


def test_a_foreigners_iin_with_a_zero_is_found_too():
    eleven = "90051700" + "901"
    number = eleven + str(check_digit(eleven))

    assert found(number) == ["text_iin"]


@given(
    born=st.dates(date(1930, 1, 1), date(2025, 12, 31)),
    serial=st.integers(0, 9999),
    cut=st.integers(1, 11),
    gap=st.sampled_from(["", " ", "-", ".", " - "[:2], "\u00a0"]),
    before=st.text(st.sampled_from("абв ,;:№\n"), max_size=20),
)
def test_every_iin_is_found_in_every_text(born, serial, cut, gap, before):
    eleven = f"{born:%y%m%d}{5 if born.year >= 2000 else 3}{serial:04d}"
    last = check_digit(eleven)
    if last is not None:
        iin = f"{eleven}{last}"
        assert "text_iin" in found(f"{before}{iin[:cut]}{gap}{iin[cut:]}")


@pytest.mark.parametrize(
    "written",
    [
        "+77011234567",
        "+7 701 123 45 67",
        "+7 (701) 123-45-67",
        "8 701 123 45 67",
        "8-701-123-45-67",
        "8(701)1234567",
        "87011234567",
        "77011234567",
        "7011234567",
        "701 123 45 67",
        "707-123-45-67",
        "8 (7172) 55-12-34",
        "8 (727) 250-12-34",
        "+7\u00a0701\u00a0123\u00a045\u00a067",
        "+7 912 345 67 89",
        "+49 30 901820 11",
        "+998 90 123 45 67",
    ],
)
def test_a_phone_number_is_found_however_it_is_written(written):
    assert found(f"звонить {written}, вечером") == ["text_phone"]


@pytest.mark.parametrize(
    "written",
    ["a@b.kz", "Aigerim.Nur@mail.example.com", "почта@почта.қаз", "a+b@x-y.kz", "a @ b.kz", "<a@b.kz>", "x_1@b.kz."],
)
def test_an_e_mail_address_is_found(written):
    assert found(f"писать на {written} сегодня") == ["text_email"]


@pytest.mark.parametrize(
    "written",
    [
        "KZ26999TST0000000001",
        "KZ26 999T ST00 0000 0001",
        "kz26999tst0000000001",
        "КZ26999TST0000000001",
        "KZ26999TSTО000000001",
    ],
)
def test_a_bank_account_is_found(written):
    assert found(f"счет {written} закрыт") == ["text_iban"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "S-000481",
        "клиент S-000481, обращение R-2026-000012",
        "14.03.1985",
        "с 05.12.2024 по 31.12.2026",
        "05.12.2024 12:30",
        "05.12.2024 12.30",
        "2024-05-12 1000 2000",
        "2026-11-23T01:53:07",
        "1 250 000 тенге",
        "1 250 000,50 ₸",
        "от 100 000 до 1 000 000",
        "100 000-200 000",
        "110 512-350 000",
        "12 345 678 901",
        "7 012 345 678 тенге",
        "1,500,000.00 KZT",
        "№ 105-V",
        "94-V art. 8(2)",
        "ст. 8 п. 2 Закона № 94-V от 21.05.2013",
        "приказ № 12/3-7 от 01.02.2026",
        "Order 2026/11/000123",
        "постановление № 565 от 11.06.2003",
        "БИН 170340990016",
        "BIN 140940990022, 120840990035",
        "version 1.2.3.4",
        "IP 192.168.100.200",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "UUID 0192f0a1-7b3c-4d5e-8f90-123456789abc",
        "10 @ 3.50",
        "@kelisim",
        "https://example.kz/policy/privacy/v/2/",
        "850314390010",
        "900101300800",
        "12345678901234567890",
        "11.1. 11.2. 11.3. 11.4. 11.5.",
    ],
)
def test_what_an_officer_writes_about_no_person_passes(text):
    refuse_personal_data(text)


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.times())
def test_dates_and_times_pass(one, other, time_of_day):
    refuse_personal_data(f"с {one:%d.%m.%Y} по {other:%d.%m.%Y} в {time_of_day:%H:%M}")
    refuse_personal_data(f"{one:%d.%m.%Y} {time_of_day:%H.%M}")
    refuse_personal_data(f"{one:%d/%m/%Y}-{other:%d/%m/%Y}")
    refuse_personal_data(f"{one.isoformat()} {time_of_day.isoformat()} {other.isoformat()}")


def test_a_date_before_a_number_passes_even_where_the_digits_would_be_an_iin():
    """05-12-2024-3NNN: the fifth of December reads as a birth on 20 December 2005, and the rest may fit."""
    fitting = [
        f"{eleven}{last}"
        for eleven in (f"0512202{serial:04d}" for serial in range(4000, 5000))
        if (last := check_digit(eleven)) is not None
    ]
    assert "text_iin" in found(fitting[0])

    for digits in fitting:
        assert "text_iin" not in found(f"{digits[:2]}-{digits[2:4]}-{digits[4:8]}-{digits[8:]}")


def test_two_sums_side_by_side_pass_even_where_the_digits_would_be_an_iin():
    fitting = [
        f"{eleven}{last}"
        for eleven in (f"1105123{serial:04d}" for serial in range(1000))
        if (last := check_digit(eleven)) is not None
    ]
    assert "text_iin" in found(fitting[0])

    for digits in fitting:
        assert found(f"{digits[:3]} {digits[3:6]}-{digits[6:9]} {digits[9:]} тенге") == []


@given(st.integers(0, 9_999_999_999), st.sampled_from([" ", "\u00a0", ","]), st.sampled_from(["", ",50", ".00"]))
def test_sums_of_money_pass(amount, mark, tail):
    refuse_personal_data(f"выдано {amount:,}".replace(",", mark) + f"{tail} тенге")


@given(st.integers(1, 999_999_999), st.integers(2000, 2099), st.sampled_from(["-", "/", " "]))
def test_numbers_of_orders_and_contracts_pass(number, year, mark):
    # 700000-2000 and 7900000-2000 are telephone numbers to everybody who reads them
    assume(not re.fullmatch(r"7\d{9}|[78]\d{10}", f"{number}{year}"))
    refuse_personal_data(f"приказ № {number}{mark}{year}")
    refuse_personal_data(f"договор № {year}/{number:06d}-КЗ")


@pytest.mark.parametrize("number", ["170340990016", "140940990022", "120840990035", "160140990047", "090540990056"])
def test_an_organisations_bin_passes(number):
    refuse_personal_data(f"БИН {number}, {number[:6]} {number[6:]}")


def test_the_sentence_says_where_why_and_what_to_do():
    with pytest.raises(ValidationError) as caught:
        refuse_personal_data("клиент 850314390019")

    (sentence,) = caught.value.messages
    assert "8 " in sentence
    assert "IIN" in sentence
    assert "S-000481" in sentence
    assert "850314390019" not in sentence


def test_all_kinds_are_told_in_one_go_each_at_its_place():
    text = "850314390019, +7 701 123 45 67, a@b.kz, KZ26999TST0000000001"

    with pytest.raises(ValidationError) as caught:
        refuse_personal_data(text)

    assert {error.code for error in caught.value.error_list} == {"text_iin", "text_phone", "text_email", "text_iban"}
    assert len(caught.value.messages) == 4
    places = dict(find_personal_data(text))
    assert places == {"text_iin": 1, "text_phone": 15, "text_email": 33, "text_iban": 41}


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "7", "8", "8 7", "+", "+7", "+7 ", "12 ", "123456 ", "a@", "@", "a.", "x@a.", "a@b.", "KZ", "KZ26 ", "K", "850314 39001 ", "1-", " ", "(", "٨", "01.01.", "2024-", "x@1."],
)  # fmt: skip
def test_a_hundred_kilobytes_are_read_at_once_whatever_they_repeat(piece):
    text = (piece * (100_000 // len(piece) + 1))[:100_000]
    started = time.perf_counter()

    find_personal_data(text)

    assert time.perf_counter() - started < 2  # quadratic would be minutes


def test_a_hundred_kilobytes_of_noise_are_read_at_once():
    rng = random.Random(3)
    text = "".join(rng.choices("0123456789 -.()+@KZkzабвabc\n", k=100_000))
    started = time.perf_counter()

    find_personal_data(text)

    assert time.perf_counter() - started < 2  # quadratic would be minutes
