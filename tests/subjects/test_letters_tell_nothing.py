"""Letters never say more than that a message waits (spec, Cabinet); the message itself stands behind the door."""

import re

import pytest
from django.template.loader import render_to_string
from django.utils import timezone, translation

from audit.actor import acting_as
from notifications.models import Letter
from notifications.ports import KINDS
from notifications.services import write
from subjects import life_letters, registers, request_letters
from subjects.models import SubjectRequest
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
PARTS = ("subject.txt", "txt", "html")
OURS = [
    kind
    for kind in KINDS.values()
    if kind.context.__module__.partition(".")[0] == "subjects" and kind.kind != request_letters.DUE  # to officers
]
# what was decided or happened: of a request, a consent, a life
NAMED = {
    "en": "grant|refus|reject|declin|closed|withdr|object|block|destr|eras|correct|linked|heir|inherit|died|dead|death|"
    r"parent|guardian|attorney|\bIIN\b|are 18",
    "ru": "удовлетвор|отказ|отклон|закрыт|отозв|отзыв|возраж|блокир|уничтож|исправл|связан|наслед|умер|смерт|"
    r"родител|опекун|доверенност|\bИИН\b|18 лет",
    "kk": "қанағаттандыр|бас тарт|қабылданбад|жабыл|қайтарып ал|қарсылық|бұғатта|жойыл|түзет|байланыстыр|мұрагер|"
    r"қайтыс|ата-ана|қамқоршы|сенімхат|\bЖСН\b|18 жас",
}


@pytest.fixture(autouse=True)
def clock(db):
    with acting_as("command:load_registers@test"):
        registers.load_clock()


@pytest.fixture
def request_of_somebody() -> SubjectRequest:
    return SubjectRequest.objects.create(
        subject=DataSubjectFactory(), kinds=["access"], channel="cabinet", language="kk", received_at=timezone.now()
    )


def words(kind, row: SubjectRequest, language: str, part: str) -> str:
    with translation.override(language):
        context = kind.context(f"{row.about}#{kind.kind}", language) | {
            "cabinet_link": "C", "not_mine_link": "N", "code": "000000",
        }  # fmt: skip
        return render_to_string(f"letters/{kind.kind}/{language}.{part}", context)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.kind)
def test_no_letter_of_people_names_what_was_decided(kind, request_of_somebody):
    for language, named in NAMED.items():
        for part in PARTS:
            text = words(kind, request_of_somebody, language, part)
            assert text.strip()
            assert not (found := re.search(named, text, re.IGNORECASE)), (language, part, found)


def test_whatever_was_decided_the_letter_reads_the_same(request_of_somebody):
    ends = [KINDS[kind] for kind in (request_letters.GRANTED, request_letters.REFUSED, request_letters.CLOSED)]
    lives = [KINDS[kind.kind] for kind in life_letters.KINDS if kind.says]
    assert len(lives) == 5
    for alike in (ends, lives):
        for language in NAMED:
            for part in PARTS:
                assert len({words(kind, request_of_somebody, language, part) for kind in alike}) == 1, (language, part)


@pytest.mark.parametrize("kind", [kind for kind in OURS if kind.says], ids=lambda kind: kind.kind)
@pytest.mark.parametrize("email", ["somebody@example.kz", ""])
def test_what_it_came_for_stands_behind_the_door(kind, email):
    person, other = DataSubjectFactory(email=email), DataSubjectFactory()
    with acting_as("job:test"):
        write(kind=kind.kind, cause=f"x:1#{kind.kind}", language="en", subject_id=person.pk)
    if not email:
        Letter.objects.update(state="skipped", skip_reason="no_address", done_at=timezone.now())
    with translation.override("en"):
        says = str(kind.says)
    assert says in inside(person, "en").get("/cabinet/letters/").content.decode()
    assert says not in inside(other, "en").get("/cabinet/letters/").content.decode()
