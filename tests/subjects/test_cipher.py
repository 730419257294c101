import time
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from subjects import cipher
from subjects.cipher import CannotOpen

KEY = bytes(range(32))
PLACE = {
    "subject": UUID("0192f0a1-0000-4000-8000-000000000481"),
    "class_": "identity",
    "category": "iin",
    "field": "subjects.PersonalData.sealed",
}


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_at_its_place(plaintext):
    assert cipher.open_(KEY, cipher.seal(KEY, plaintext, **PLACE), **PLACE) == plaintext


def test_a_token_is_a_version_a_nonce_the_ciphertext_and_a_tag():
    token = cipher.seal(KEY, b"850314390019", **PLACE)

    assert token[0] == 1
    assert len(token) == 1 + 12 + 12 + 16
    assert b"850314390019" not in token


def test_the_additional_data_are_length_prefixed_parts_in_a_fixed_order():
    """The format outlives this code: tokens of today must open in ten years."""
    place = b""
    for part in (b"\x01", PLACE["subject"].bytes, b"identity", b"iin", b"subjects.PersonalData.sealed"):
        place += len(part).to_bytes(4, "big") + part
    token = b"\x01" + b"n" * 12 + AESGCM(KEY).encrypt(b"n" * 12, b"value", place)

    assert cipher.open_(KEY, token, **PLACE) == b"value"


def test_the_same_value_sealed_twice_gives_two_tokens():
    tokens = {cipher.seal(KEY, b"value", **PLACE) for _ in range(200)}

    assert len(tokens) == 200
    assert len({token[1:13] for token in tokens}) == 200


@pytest.mark.parametrize(
    "other",
    [{"subject": uuid4()}, {"class_": "loan"}, {"category": "email"}, {"field": "consent.Event.address"}],
    ids=["person", "class", "category", "field"],
)
def test_a_token_pasted_into_another_place_does_not_open(other):
    token = cipher.seal(KEY, b"value", **PLACE)

    with pytest.raises(CannotOpen):
        cipher.open_(KEY, token, **{**PLACE, **other})


def test_letters_moved_between_two_parts_of_the_place_make_another_place():
    token = cipher.seal(KEY, b"value", **{**PLACE, "class_": "loan", "category": "salary"})

    with pytest.raises(CannotOpen):
        cipher.open_(KEY, token, **{**PLACE, "class_": "loans", "category": "alary"})
    with pytest.raises(CannotOpen):
        cipher.open_(KEY, token, **{**PLACE, "class_": "loansalary", "category": ""})


def test_another_key_does_not_open():
    with pytest.raises(CannotOpen):
        cipher.open_(cipher.new_key(), cipher.seal(KEY, b"value", **PLACE), **PLACE)


def test_every_flipped_bit_is_noticed():
    token = cipher.seal(KEY, b"850314390019", **PLACE)

    for place in range(len(token)):
        for bit in range(8):
            altered = bytearray(token)
            altered[place] ^= 1 << bit
            with pytest.raises(CannotOpen):
                cipher.open_(KEY, bytes(altered), **PLACE)


def test_a_token_cut_anywhere_or_lengthened_does_not_open():
    token = cipher.seal(KEY, b"value", **PLACE)

    for wrong in (*(token[:end] for end in range(len(token))), token + b"\0"):
        with pytest.raises(CannotOpen):
            cipher.open_(KEY, wrong, **PLACE)


def test_a_refusal_says_nothing_of_the_value_the_key_or_the_person():
    token = cipher.seal(KEY, b"850314390019", **PLACE)

    with pytest.raises(CannotOpen) as caught:
        cipher.open_(cipher.new_key(), token, **PLACE)

    assert str(caught.value) == str(CannotOpen())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33])
def test_a_key_of_another_length_is_refused_before_anything_is_sealed(length):
    with pytest.raises(ValueError, match="32 bytes"):
        cipher.seal(bytes(length), b"value", **PLACE)


def test_new_keys_are_256_random_bits():
    keys = {cipher.new_key() for _ in range(100)}

    assert len(keys) == 100
    assert {len(key) for key in keys} == {32}


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_parts_come_back_as_they_went_in(parts):
    assert cipher.open_parts(KEY, cipher.seal_parts(KEY, parts, **PLACE), **PLACE) == parts


def test_parts_are_a_json_object_with_keys_in_order_and_letters_as_they_are():
    token = cipher.seal_parts(KEY, {"last": "Нұрланова", "first": "Айгерім"}, **PLACE)

    assert cipher.open_(KEY, token, **PLACE).decode() == '{"first":"Айгерім","last":"Нұрланова"}'


@pytest.mark.parametrize("plaintext", [b"not json", b"[1]", b'"text"', b"\xff", b""])
def test_what_was_sealed_without_parts_does_not_open_as_parts(plaintext):
    with pytest.raises(CannotOpen):
        cipher.open_parts(KEY, cipher.seal(KEY, plaintext, **PLACE), **PLACE)


def test_a_prepared_key_seals_and_opens_the_same():
    prepared = cipher.prepare(KEY)
    token = cipher.seal_parts(prepared, {"value": "a@b.kz"}, **PLACE)

    assert cipher.open_parts(KEY, token, **PLACE) == {"value": "a@b.kz"}
    assert cipher.open_parts(prepared, token, **PLACE) == {"value": "a@b.kz"}


def test_ten_thousand_values_are_sealed_and_opened_within_seconds():
    prepared = cipher.prepare(KEY)
    started = time.perf_counter()

    tokens = [cipher.seal_parts(prepared, {"value": "a@b.kz"}, **PLACE) for _ in range(10_000)]
    for token in tokens:
        cipher.open_parts(prepared, token, **PLACE)

    assert time.perf_counter() - started < 3
