"""Putting a version in force: at its moment, after its predecessor, with its letters, once (policy 9.2)."""

import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from structlog.testing import capture_logs

from audit.actor import acting_as
from config.celery import app
from notifications.enums import LetterState, SkipReason
from notifications.models import Campaign, Letter
from policies import letters, rules, services
from policies.enums import State
from policies.models import PolicyVersion
from policies.rules import NotAllowed
from subjects import audience
from subjects.enums import LEAVES, Standing
from tests.policies.factories import approved_version, author, draft, published_version
from tests.staff.factories import as_officer
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db

OTHER = {"ru": "# П\n\n1.1. Иное.\n", "kk": "# С\n\n1.1. Басқа.\n"}
THIRD = {"ru": "# П\n\n1.1. Третье.\n", "kk": "# С\n\n1.1. Үшінші.\n"}


def in_days(days: float) -> datetime:
    return timezone.now() + timedelta(days=days)


def publish(*, at=None, **kwargs) -> PolicyVersion:
    version, second = approved_version(**kwargs)
    with as_officer(second):
        return services.publish(version, by=second, at=at)


class TestMoment:
    def test_now_is_the_moment_of_the_database(self):
        before = timezone.now()
        version = publish()
        assert before <= version.in_force_during.lower == version.published_at <= timezone.now()
        assert version.in_force_during.upper is None
        assert version.is_in_force
        assert services.in_force(policy="personal-data") == version

    def test_the_predecessor_ends_at_the_very_instant_the_next_begins(self):
        first = publish()
        second = publish(**OTHER)
        first.refresh_from_db()
        assert first.in_force_during.upper == second.in_force_during.lower
        assert first.is_superseded and not first.is_in_force
        assert services.in_force(policy="personal-data") == second
        assert services.in_force(policy="personal-data", at=first.in_force_during.lower) == first
        just_before = second.in_force_during.lower - timedelta(microseconds=1)
        assert services.in_force(policy="personal-data", at=just_before) == first

    def test_a_moment_to_come_is_waited_for_by_the_clock_alone(self):
        moment = datetime(2099, 1, 1, 0, 0, tzinfo=ZoneInfo("Asia/Almaty"))
        first, second = publish(), publish(at=moment, **OTHER)
        first.refresh_from_db()
        assert second.is_scheduled and first.is_in_force and not first.is_superseded
        assert services.in_force(policy="personal-data") == first
        assert services.in_force(policy="personal-data", at=moment - timedelta(seconds=1)) == first
        assert services.in_force(policy="personal-data", at=moment) == second
        assert list(PolicyVersion.objects.in_force(moment)) == [second]

    def test_before_the_first_version_nothing_is_in_force(self):
        version = publish(at=in_days(1))
        assert services.in_force(policy="personal-data") is None
        assert services.in_force(policy="personal-data", at=in_days(2)) == version

    def test_the_past_is_refused(self):
        version, second = approved_version()
        with as_officer(second), pytest.raises(NotAllowed) as refused:
            services.publish(version, by=second, at=in_days(-0.001))
        assert refused.value.code == "past"
        version.refresh_from_db()
        assert version.state == State.APPROVED

    @pytest.mark.parametrize("days", [None, 3, 5])
    def test_a_scheduled_successor_blocks_what_would_come_before_it(self, days):
        publish()
        moment = in_days(5)
        publish(at=moment, **OTHER)
        version, second = approved_version(**THIRD)
        at = moment if days == 5 else in_days(days) if days else None
        with as_officer(second), pytest.raises(NotAllowed) as refused:
            services.publish(version, by=second, at=at)
        assert refused.value.code == "overlap"
        assert "2" in refused.value.messages[0]

    def test_after_a_scheduled_version_the_next_may_be_scheduled(self):
        publish()
        middle = publish(at=in_days(5), **OTHER)
        last = publish(at=in_days(9), **THIRD)
        middle.refresh_from_db()
        assert middle.in_force_during.upper == last.in_force_during.lower
        assert services.in_force(policy="personal-data", at=in_days(7)) == middle

    def test_another_policy_goes_its_own_way(self):
        first = publish()
        officer, other = author(), type(first.policy).objects.create(code="cookies", title="Cookies")
        with as_officer(officer):
            services.import_version(
                policy=other, files={k: services.SourceFile(k, v.encode()) for k, v in OTHER.items()}, by=officer
            )
        first.refresh_from_db()
        assert first.in_force_during.upper is None

    def test_history_says_who_published(self):
        version = publish()
        row = version.history.latest("history_id")
        assert (row.state, row.history_user_id) == ("published", version.published_by_id)


class TestCampaign:
    def test_a_change_that_is_not_significant_writes_to_nobody(self):
        DataSubjectFactory()
        publish(significant=False)
        assert not Campaign.objects.exists()
        assert not Letter.objects.exists()

    def test_a_significant_one_makes_one_campaign_with_everybody_in_it(self):
        kk, ru = DataSubjectFactory(language="kk"), DataSubjectFactory(language="ru")
        version = publish(significant=True)
        campaign = Campaign.objects.get()
        assert campaign.cause == f"policies.PolicyVersion:{version.pk}#policy_changed"
        assert campaign.audience == {"queued": 2, "no_address": 0, "left_out": {}}
        assert {(letter.subject, letter.language, letter.state) for letter in campaign.letters.all()} == {
            (kk, "kk", LetterState.QUEUED),
            (ru, "ru", LetterState.QUEUED),
        }

    def test_without_an_address_the_letter_is_skipped_and_listed(self):
        silent = DataSubjectFactory(email=None)
        publish(significant=True)
        letter = Letter.objects.get()
        assert (letter.subject, letter.state) == (silent, LetterState.SKIPPED)
        assert letter.skip_reason == SkipReason.NO_ADDRESS
        assert letter.done_at is not None
        assert Campaign.objects.get().audience == {"queued": 0, "no_address": 1, "left_out": {}}

    @pytest.mark.parametrize("standing", Standing.values)
    def test_each_standing_is_written_to_or_counted_apart(self, standing):
        DataSubjectFactory(standing=standing)
        publish(significant=True)
        told = LEAVES[standing].notices
        assert Campaign.objects.get().audience == {
            "queued": int(told),
            "no_address": 0,
            "left_out": {} if told else {standing: 1},
        }
        assert Letter.objects.count() == int(told)

    def test_who_comes_later_is_not_in_it(self):
        DataSubjectFactory()
        publish(significant=True)
        DataSubjectFactory()
        assert Letter.objects.count() == 1

    def test_what_the_officer_is_told_is_what_happens(self):
        for standing in Standing.values:
            DataSubjectFactory(standing=standing)
            DataSubjectFactory(standing=standing, email=None)
        told = audience.count_people().size
        publish(significant=True)
        assert Letter.objects.filter(state=LetterState.QUEUED).count() == told > 0

    def test_the_queries_do_not_depend_on_how_many_people_there_are(self, django_assert_max_num_queries):
        for _ in range(30):
            DataSubjectFactory()
        version, second = approved_version(significant=True)
        with as_officer(second), django_assert_max_num_queries(20):
            services.publish(version, by=second)

    def test_if_publishing_fails_there_is_no_campaign_either(self):
        DataSubjectFactory()
        version, second = approved_version(significant=True)
        with as_officer(second), pytest.raises(RuntimeError), transaction.atomic():
            services.publish(version, by=second)
            raise RuntimeError
        version.refresh_from_db()
        assert version.state == State.APPROVED
        assert not Campaign.objects.exists()
        assert not Letter.objects.exists()


class TestLetter:
    def test_the_texts_hold_no_personal_data(self):
        person = DataSubjectFactory(email="canary@example.kz", iin="850314390019", phone="+77012345678")
        version = publish(significant=True)
        for language in ("kk", "ru", "en"):
            said = repr(letters.context(letters.cause_of(version), language))
            for secret in ("canary", "850314390019", "7012345678", str(person.public_id), str(person)):
                assert secret not in said

    def test_the_summary_is_in_the_language_of_the_letter(self):
        cause = letters.cause_of(publish(significant=True))
        assert letters.context(cause, "kk")["summary"] == "Жаңа мақсат пайда болды."
        assert letters.context(cause, "ru")["summary"] == "Появилась новая цель."
        assert letters.context(cause, "en")["summary"] == "Появилась новая цель."
        assert letters.context(cause, "kk")["version_link"].endswith("/policy/personal-data/v/1/")

    def test_a_version_that_was_replaced_is_not_announced_any_more(self):
        first = letters.cause_of(publish(significant=True))
        assert letters.is_current(first)
        second = letters.cause_of(publish(significant=True, **OTHER))
        assert not letters.is_current(first)
        assert letters.is_current(second)

    def test_a_small_correction_takes_the_news_from_nobody(self):
        first = letters.cause_of(publish(significant=True))
        publish(significant=False, **OTHER)
        assert letters.is_current(first)

    def test_one_that_will_be_replaced_later_still_is(self):
        first = letters.cause_of(publish(significant=True))
        second = letters.cause_of(publish(at=in_days(30), **OTHER))
        assert letters.is_current(first)
        assert letters.is_current(second)


@pytest.mark.django_db(transaction=True)
class TestOtherProcesses:
    def test_redis_is_down_and_the_version_is_published_all_the_same(self, monkeypatch):
        with acting_as("job:test"):
            DataSubjectFactory()
            version, second = approved_version(significant=True)
        monkeypatch.setattr(app.conf, "broker_url", "redis://127.0.0.1:1/0")
        app.amqp._producer_pool = app._pool = None  # a pool remembers where it connected to
        try:
            with capture_logs() as logs, as_officer(second):
                services.publish(version, by=second)
        finally:
            app.amqp._producer_pool = app._pool = None
        assert [entry["event"] for entry in logs] == ["the doorbell did not ring"]
        version.refresh_from_db()
        assert version.state == State.PUBLISHED
        assert Letter.objects.get().state == LetterState.QUEUED

    def test_two_publishers_at_once_one_wins_and_there_is_one_campaign(self):
        with acting_as("job:test"):
            DataSubjectFactory()
            version, second = approved_version(significant=True)
        barrier, results = threading.Barrier(2), []

        def press() -> None:
            try:
                barrier.wait(5)
                with as_officer(second):
                    services.publish(version, by=second)
                results.append("published")
            except NotAllowed as error:
                results.append(error.code)
            finally:
                connections.close_all()

        pressing = [threading.Thread(target=press) for _ in range(2)]
        for thread in pressing:
            thread.start()
        for thread in pressing:
            thread.join(20)
        assert sorted(results) == ["published", "state"]
        assert Campaign.objects.count() == Letter.objects.count() == 1

    def test_two_versions_published_at_once_are_in_force_one_after_the_other(self):
        with acting_as("job:test"):
            made = [approved_version(), approved_version(**OTHER)]
        barrier = threading.Barrier(2)

        def press(version: PolicyVersion, by) -> None:
            try:
                barrier.wait(5)
                with as_officer(by):
                    services.publish(version, by=by)
            except NotAllowed:
                pass  # the older one came second
            finally:
                connections.close_all()

        pressing = [threading.Thread(target=press, args=pair) for pair in made]
        for thread in pressing:
            thread.start()
        for thread in pressing:
            thread.join(20)
        assert PolicyVersion.objects.in_force().count() == 1
        assert services.in_force(policy="personal-data").number == 2

    def test_a_clause_deleted_while_its_version_is_submitted_is_not_lost_from_what_was_submitted(self):
        officer = None
        with acting_as("job:test"):
            officer = author()
            version = draft(by=officer)
        submitted, outcome = threading.Event(), []

        def delete() -> None:
            try:
                submitted.wait(5)
                with as_officer(officer):
                    version.clauses.filter(key="1.2").delete()
                outcome.append("deleted")
            except IntegrityError:
                outcome.append("refused")
            finally:
                connections.close_all()

        thread = threading.Thread(target=delete)
        thread.start()
        with as_officer(officer), transaction.atomic():
            services.submit(version, by=officer)
            submitted.set()
            thread.join(1)  # it waits for this transaction
        thread.join(10)
        assert outcome == ["refused"]
        assert version.clauses.filter(key="1.2").exists()

    def test_an_end_without_a_successor_does_not_commit(self):
        with acting_as("job:test"):
            version = published_version()
        with acting_as("job:test"), pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE policies_policyversion SET in_force_during = tstzrange(lower(in_force_during), now()"
                " + interval '1 hour') WHERE id = %s",
                [version.pk],
            )
        version.refresh_from_db()
        assert version.in_force_during.upper is None


def test_who_may_not_publish_does_not():
    version, _second = approved_version()
    officer = author()
    assert not rules.may_publish(version, by=officer)
    with as_officer(officer), pytest.raises(NotAllowed):
        services.publish(version, by=officer)
