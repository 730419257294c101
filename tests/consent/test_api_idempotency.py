"""A POST that is sent again is done once: same key, same answer; another body, another key (Idempotency-Key)."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from consent.models import ConsentEvent, FormServed
from staff.models import IdempotentAnswer
from tests.consent.factories import form, given, version
from tests.consent.system import System, problem
from tests.subjects.factories import DataSubjectFactory

KEY = {"Idempotency-Key": "5f0c2f6e-0001"}


@pytest.fixture
def person(db):
    return DataSubjectFactory()


@pytest.mark.django_db
class TestOnce:
    def test_the_same_request_is_done_once_and_answered_alike(self, person):
        version(form("C8"))
        system = System()
        first = system.post(f"/subjects/{person}/forms/C8/served", {}, **KEY)
        again = system.post(f"/subjects/{person}/forms/C8/served", {}, **KEY)
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert "Idempotency-Replayed" not in first
        assert again["Idempotency-Replayed"] == "true"
        assert FormServed.objects.count() == 1
        system.post(f"/subjects/{person}/forms/C8/served", {})
        assert FormServed.objects.count() == 2

    def test_another_body_or_address_with_the_same_key_is_refused_and_nothing_is_done(self, person):
        version(form("C8"))
        system, other = System(), DataSubjectFactory()
        system.post(f"/subjects/{person}/forms/C8/served", {}, **KEY)
        for path, body in (
            (f"/subjects/{person}/forms/C8/served", {"language": "kk"}),
            (f"/subjects/{other}/forms/C8/served", {}),
        ):
            problem(system.post(path, body, **KEY), 422, "idempotency_key_reused")
        assert FormServed.objects.count() == 1

    def test_keys_of_two_systems_have_nothing_to_do_with_each_other(self, person):
        version(form("C8"))
        for code in ("site", "loans"):
            assert "Idempotency-Replayed" not in System(code).post(f"/subjects/{person}/forms/C8/served", {}, **KEY)
        assert FormServed.objects.count() == 2

    def test_a_changed_form_is_answered_alike_too_without_serving_it_twice(self, person):
        old, system = version(form("C8")), System()
        shown = system.post(f"/subjects/{person}/forms/C8/served", {}).json()
        version(old.form)
        body = {"subject": str(person), "served": shown["served"], "expected_version": 1, "answer": "refused"}
        first, again = (system.post("/consents", body, **KEY) for _time in range(2))
        assert problem(first, 409, "form_changed")["form"] == again.json()["form"]
        assert FormServed.objects.count() == 2

    def test_what_was_refused_can_be_mended_and_sent_with_the_same_key(self, person):
        version(form("C8"))
        system = System()
        path = f"/subjects/{person}/withdrawals"
        problem(system.post(path, {"form": "C99"}, **KEY), 404, "form_not_found")
        assert system.post(path, {"form": "C8"}, **KEY).status_code == 201

    def test_after_a_day_the_key_is_free(self, person):
        version(form("C8"))
        system = System()
        system.post(f"/subjects/{person}/forms/C8/served", {}, **KEY)
        IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
        assert "Idempotency-Replayed" not in system.post(
            f"/subjects/{person}/forms/C8/served", {"language": "kk"}, **KEY
        )
        assert FormServed.objects.count() == 2

    @pytest.mark.parametrize("key", ["short", "x" * 101, "has space in it"])
    def test_a_key_that_is_none_is_told(self, person, key):
        version(form("C8"))
        response = System().post(f"/subjects/{person}/forms/C8/served", {}, **{"Idempotency-Key": key})
        (error,) = problem(response, 422, "invalid")["errors"]
        assert error["field"] == "Idempotency-Key"
        assert not FormServed.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_duplicates_at_once_wait_for_each_other_and_one_is_done():
    person = DataSubjectFactory()
    given(person, version(form("C8")))
    systems = [System()]
    start, answers = threading.Barrier(6), []
    key = {"Idempotency-Key": str(uuid4())}

    def send() -> None:
        try:
            start.wait(30)
            answers.append(systems[0].post(f"/subjects/{person}/withdrawals", {"form": "C8"}, **key))
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=send) for _n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [response.status_code for response in answers] == [201] * 6
    assert len({response.content for response in answers}) == 1
    assert sum("Idempotency-Replayed" in response for response in answers) == 5
    assert ConsentEvent.objects.filter(kind="withdrawn").count() == 1
