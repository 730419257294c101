"""What stops a transfer between its authorisation and its sending; consents abroad and one by one (94-V art. 8, 16)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from consent.enums import EventKind, ScopeKind
from consent.models import ClauseLink, Objection
from subjects import loans
from subjects.enums import Standing
from subjects.models import Contract
from tests.transfers import factories
from tests.transfers.factories import happened, world
from transfers import aftermath, gate, services
from transfers.decisions import Context
from transfers.enums import Check
from transfers.models import RecipientNotice, Release, ShadowMode, Transfer, TransferRule

pytestmark = pytest.mark.django_db
SHA = "a" * 64


def release(done: services.Authorised) -> str:
    """ "" when the data went, else why not."""
    try:
        services.release(token=done.token, payload_sha256=SHA)
    except services.NotReleased as refused:
        assert str(refused.messages[0])
        return str(refused.code)
    return ""


@pytest.fixture
def abroad():
    """Hosting in a country that nobody listed, for a person with a loan; C10 opens it."""
    made = world(kind="hosting", code="cloud", country="US", purpose="hosting", ground="service")
    Contract.objects.create(subject=made.person, number="K-1")
    made.c10 = factories.consent.form("C10", scope_kind=ScopeKind.WHOLE)
    return made


def text(made, **changed):
    return factories.form_version(
        made.c10, **{"purposes": {"hosting": "ru"}, "recipients": {"hosting": "ru"}, **changed}
    )


def test_c10_opens_a_country_for_what_its_text_names_alone(abroad):
    factories.consent.purpose("other")
    for lacks in (
        {"purposes": {"other": "ru"}},
        {"recipients": {"courier": "ru"}},
        {"categories": ("full_name",)},
    ):
        happened(abroad.person, text(abroad, **lacks))
        step = gate.ask(abroad.question()).step(Check.COUNTRY)
        assert (str(step.result), step.code) == ("gap", "country.unlisted"), lacks
    assert gate.ask(abroad.question(categories=("full_name",))).allowed
    happened(abroad.person, text(abroad))
    assert gate.ask(abroad.question()).step(Check.COUNTRY).code == "country.consent"


def test_a_withdrawn_c10_stops_what_was_authorised_and_its_recipients_are_told(abroad):
    version = text(abroad)
    happened(abroad.person, version)
    sent, late = (services.authorise(question=abroad.question()) for _ in range(2))
    assert sent.transfer.ground == "service" and sent.transfer.abroad_state.form == abroad.c10
    assert release(sent) == ""
    ended = happened(abroad.person, version, EventKind.WITHDRAWN)
    assert release(late) == "withdrawn"
    aftermath.consent_ended(ended)
    (task,) = RecipientNotice.objects.all()
    assert (task.recipient, task.transfers) == (abroad.recipient, [sent.transfer.pk])


def test_what_shadow_mode_let_through_does_not_go_after_a_withdrawal():
    made = world(declared=False)
    made.consents()
    factories.opened(ShadowMode, ends_at=timezone.now() + timedelta(days=1))
    done = services.authorise(question=made.question())
    assert done.transfer.shadow and done.token
    made.withdraws()
    assert release(done) == "withdrawn"


@pytest.mark.parametrize("what", ["rule", "agreement", "clause"])
def test_what_was_closed_since_stops_what_was_authorised(what):
    made = world()
    made.consents()
    sent, late = (services.authorise(question=made.question()) for _ in range(2))
    assert release(sent) == ""
    if what == "clause":
        ClauseLink.objects.all().delete()
    else:
        factories.closed(getattr(made, what))
    assert release(late) == "not_allowed_now"
    assert Release.objects.get().transfer == sent.transfer


def test_a_loan_that_was_paid_meanwhile_is_not_told_to_the_collector():
    made = world(kind="collector", code="dala", ground="defence", purpose="collection")
    loans.record_contract(subject=made.person, number="K-1", state="overdue")
    done = services.authorise(question=made.question())
    loans.record_contract(subject=made.person, number="K-1", state="performed")
    assert release(done) == "not_allowed_now"


def test_shadow_mode_forgives_at_the_sending_as_it_did_before():
    made = world()
    made.consents()
    done = services.authorise(question=made.question())
    factories.closed(made.agreement)
    factories.opened(ShadowMode, ends_at=timezone.now() + timedelta(days=1))
    assert release(done) == ""


class TestShadowWithoutARule:
    """No rule says which consent is asked for: the person's no counts all the same."""

    @pytest.fixture
    def made(self):
        made = world()
        factories.closed(made.rule)
        factories.opened(ShadowMode, ends_at=timezone.now() + timedelta(days=1))
        return made

    def token(self, made) -> str | None:
        done = services.authorise(question=made.question())
        assert (done.transfer.decision, done.transfer.shadow) == ("gap", done.token is not None)
        return done.token

    def test_who_said_nothing_is_let_through_and_who_withdrew_is_not(self, made):
        assert self.token(made)
        made.consents()
        assert self.token(made)
        made.withdraws()
        assert self.token(made) is None

    def test_a_no_to_somebody_else_is_no_answer_here(self, made):
        made.consents(scope="recipient:another")
        made.consents(scope="recipient:another", kind=EventKind.WITHDRAWN)
        assert self.token(made)
        made.consents(kind=EventKind.REFUSED)
        assert self.token(made) is None

    def test_a_withdrawal_since_stops_what_was_let_through(self, made):
        made.consents()
        done = services.authorise(question=made.question())
        made.withdraws()
        assert release(done) == "not_allowed_now"
        assert not Release.objects.exists()


@pytest.mark.parametrize("shadow", [False, True])
@pytest.mark.parametrize("how", ["blocked", "restricted", "erased", "objected"])
def test_who_was_stopped_since_is_not_sent(how, shadow):
    made = world(declared=not shadow)
    made.consents()
    if shadow:
        factories.opened(ShadowMode, ends_at=timezone.now() + timedelta(days=1))
    done = services.authorise(question=made.question())
    assert done.token and done.transfer.shadow is shadow
    if how == "objected":
        Objection.objects.create(subject=made.person, purpose=made.purpose, in_force_during=(timezone.now(), None))
    else:
        made.person.standing = how
        made.person.save()
    assert release(done) == "stopped"
    assert not Release.objects.exists()


def test_a_duty_by_law_goes_on_for_who_is_restricted_or_objects_and_not_for_who_is_blocked():
    made = world(kind="state_body", code="tax", ground="law", agreement=False)
    for standing, told in ((Standing.RESTRICTED, ""), (Standing.BLOCKED, "stopped")):
        made.person.standing = Standing.ORDINARY
        made.person.save()
        done = services.authorise(question=made.question())
        made.person.standing = standing
        made.person.save()
        assert release(done) == told
    made.person.standing = Standing.ORDINARY
    made.person.save()
    done = services.authorise(question=made.question())
    Objection.objects.create(subject=made.person, purpose=made.purpose, in_force_during=(timezone.now(), None))
    assert release(done) == ""


def test_a_report_is_fetched_on_the_consent_for_this_report_and_no_other():
    made = world(form="C4", scope_kind=ScopeKind.REPORT, direction="incoming", purpose="credit_report")
    unnamed = gate.ask(made.question(direction="incoming"))
    assert unnamed.step(Check.GROUND).code == "consent.scope_missing"
    assert [c.change for c in unnamed.counterfactual.changes] == ["name_scope", "consent"]
    made.consents(scope="report:1")
    unnamed = gate.ask(made.question(direction="incoming"))
    assert not unnamed.allowed and [c.change for c in unnamed.counterfactual.changes] == ["name_scope"]
    named = made.question(direction="incoming", context=Context(scope="report:1"))
    assert gate.ask(named).allowed
    other = made.question(direction="incoming", context=Context(scope="report:2"))
    assert gate.ask(other).step(Check.GROUND).code == "consent.unknown"


def test_a_link_of_today_changes_no_answer_about_yesterday():
    made = world()
    made.consents()
    then = timezone.now()
    assert gate.ask(made.question(at=then)).allowed
    ClauseLink.objects.all().delete()
    assert gate.ask(made.question()).failed == ["declared"]
    assert gate.ask(made.question(at=then)).allowed, "the clause was linked then"
    between = timezone.now()
    factories.declare(made.version, made.purpose)
    assert gate.ask(made.question()).allowed
    assert gate.ask(made.question(at=between)).failed == ["declared"], "nobody had linked it yet"
    assert TransferRule.objects.count() == 1 and not Transfer.objects.exists()
