"""Laws are cited as the reader's language does; a register keeps one notation."""

import pytest
from django.utils import translation

from staff.citations import cited


@pytest.mark.parametrize(
    ("text", "kk", "ru"),
    [
        ("94-V art. 25", "94-V, 25-бап", "94-V, ст. 25"),
        ("94-V art. 7, 8", "94-V, 7, 8-баптар", "94-V, ст. 7, 8"),
        ("94-V art. 8(2)", "94-V, 8-баптың 2-тармағы", "94-V, ст. 8, п. 2"),
        ("94-V art. 8(4)(1)", "94-V, 8-баптың 4-тармағының 1) тармақшасы", "94-V, ст. 8, п. 4, пп. 1"),
        ("56-V art. 7; 191-IV art. 11", "56-V, 7-бап; 191-IV, 11-бап", "56-V, ст. 7; 191-IV, ст. 11"),
        ("56-V art. 9-1", "56-V, 9-1-бап", "56-V, ст. 9-1"),
        ("Келісім (94-V art. 7).", "Келісім (94-V, 7-бап).", "Келісім (94-V, ст. 7)."),
        ("94-V art. 7, 56-V art. 9", "94-V, 7-бап, 56-V, 9-бап", "94-V, ст. 7, 56-V, ст. 9"),
        ("94-V art. 25, 3 дня", "94-V, 25-бап, 3 дня", "94-V, ст. 25, 3 дня"),
        # not our notation: as it was typed
        ("94-V art. 8(2,3)", "94-V art. 8(2,3)", "94-V art. 8(2,3)"),
        ("статья 21 Закона", "статья 21 Закона", "статья 21 Закона"),
        ("", "", ""),
    ],
)
def test_a_citation_is_in_the_readers_language(text, kk, ru):
    for language, expected in (("kk", kk), ("ru", ru), ("en", text)):
        with translation.override(language):
            assert cited(text) == expected
