"""Whoever's document lets them gives and withdraws consents for the person: by their own code, under their own name."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from audit.actor import acting_as
from consent import receipts
from consent.models import ConsentEvent
from subjects import deaths, registers, relations
from subjects import request_services as services
from subjects.life_forms import HeirForm
from subjects.models import DataSubject
from tests.consent.factories import form, given, version
from tests.consent.test_consent_pages import LIST, page_of, say, state_of, text_of
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.cabinet import inside
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
REPRESENT = "/cabinet/represent/"


@pytest.fixture
def clock(db):
    with acting_as("command:load_registers@test"):
        registers.load_clock()


@pytest.fixture
def child(db) -> DataSubject:
    return DataSubjectFactory(email=None, standing="minor")


@pytest.fixture
def parent(db) -> DataSubject:
    return DataSubjectFactory()


def let(parent: DataSubject, child: DataSubject, *acts: str):
    by = permit(StaffUserFactory(), "subjects.add_representative")
    with as_officer(by):
        return relations.authorise(
            subject=child, representative=parent, basis="parent", acts=acts,
            document_kind="birth_certificate", last_four="1234", by=by,
        )  # fmt: skip


def acting(parent: DataSubject, child: DataSubject, **door):
    client = inside(parent, "en", **door)
    assert client.post(REPRESENT, {"for": str(child.public_id)}).status_code == 302
    return client


def test_a_parent_consents_and_withdraws_and_the_events_say_who_it_was(parent, child):
    row = let(parent, child, "consent")
    version(form("C8"))
    client = acting(parent, child)
    assert f'href="{LIST}"' in client.get(REPRESENT).content.decode()
    page = text_of(client.get(LIST))
    assert f"You act for: {child}" in page
    assert "What we hold on you" not in page, "this document does not let them learn it"
    assert say(client, "C8", "give").status_code == 302
    assert state_of(child, "C8") == "given"
    assert "Receipt" not in text_of(client.get(LIST)), "the file is the child's"
    client.post(f"{page_of('C8')}withdraw/", {"about": ""})
    assert state_of(child, "C8") == "withdrawn"
    said = ConsentEvent.objects.filter(subject=child, kind__in=["given", "withdrawn"])
    assert set(said.values_list("actor", "trust")) == {(f"subject:{parent.public_id}", "representative_code")}
    assert not ConsentEvent.objects.filter(subject=parent).exists()
    with translation.override("en"):
        assert said.first().get_trust_display() == "their representative, with a code"
    assert row.subject == child


@pytest.mark.parametrize("acts", [["know"], ["ask"], ["know", "ask", "receive"]])
def test_nobody_else_reaches_the_pages(parent, child, acts):
    let(parent, child, *acts)
    of = version(form("C8"))
    given(child, of)
    client = acting(parent, child)
    for page in (LIST, page_of("C8"), f"{page_of('C8')}withdraw/"):
        assert client.get(page).url == f"{REPRESENT}?elsewhere=1", page
    client.post(f"{page_of('C8')}withdraw/", {"about": ""})
    assert state_of(child, "C8") == "given"
    assert f'href="{LIST}"' not in client.get(REPRESENT).content.decode()


def test_a_code_of_their_own_comes_first(parent, child):
    let(parent, child, "consent")
    given(child, version(form("C8")))
    client = acting(parent, child, fresh=False)
    page = text_of(client.post(f"{page_of('C8')}withdraw/", {"about": ""}))
    assert "we make sure that it is you" in page
    assert state_of(child, "C8") == "given"


def test_who_only_asks_is_led_to_the_request_and_to_no_empty_page(parent, child):
    let(parent, child, "ask")
    page = text_of(inside(parent, "en").get(REPRESENT))
    assert 'href="/cabinet/requests/new/"' in page
    assert f"Act for {child}" not in page
    assert "be yourself again" in text_of(acting(parent, child).get(REPRESENT)), "by an older page"


@pytest.mark.parametrize(
    ("acts", "kinds", "may"),
    [
        (["ask"], ["withdraw"], False),
        (["ask"], ["access", "withdraw"], False),
        (["consent"], ["withdraw"], False),
        (["ask", "consent"], ["withdraw"], True),
        (["ask"], ["access"], True),
    ],
)
def test_a_request_to_withdraw_wants_both_acts(parent, child, acts, kinds, may, clock):
    row = let(parent, child, *acts)
    given_ = {"subject": child, "kinds": kinds, "channel": "cabinet", "language": "kk", "representative": row}
    if may:
        assert services.register(**given_).representative == row
    else:
        with pytest.raises(ValidationError, match="may not"), translation.override("en"):
            services.register(**given_)


def test_a_receipt_says_that_it_was_a_representative(parent, child):
    let(parent, child, "consent")
    version(form("C8"))
    say(acting(parent, child), "C8", "give")
    event = receipts.events_with_receipts().get(subject=child)
    assert receipts._event(event)["entity_id"] == "representative"


def test_an_heir_is_offered_no_consents_of_the_dead(parent):
    by = permit(StaffUserFactory(), "subjects.add_death")
    with as_officer(by):
        deaths.record(
            subject=parent, died_on=timezone.localdate() - timedelta(days=1), document_kind="death_certificate",
            last_four="0007", by=by,
        )  # fmt: skip
    told = {"heir": str(DataSubjectFactory()), "document_kind": "inheritance", "last_four": "4455"}
    assert HeirForm(told | {"acts": ["know", "ask", "receive"]}).is_valid()
    assert not HeirForm(told | {"acts": ["know", "consent"]}).is_valid()
