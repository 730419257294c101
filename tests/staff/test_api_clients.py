"""Keys to the API: shown once, stored hashed, limited, ended; every write bears the system's name."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.actor import acting_as
from staff import purge, services
from staff.enums import Scope
from staff.models import ApiAllowance, ApiClient, IdempotentAnswer
from staff.services import api_clients
from subjects import registers
from subjects.models import DataSubject
from tests.consent.system import System, client_and_key, problem
from tests.staff.conftest import refused
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(member):
    return member("administrator")


def later(days: int = 1):
    return timezone.now() + timedelta(days=days)


class TestKeys:
    def test_the_key_is_nowhere_in_the_database(self):
        client, key = client_and_key()
        secret = key.removeprefix(f"{client.prefix}_")
        assert len(secret) == 43
        with connection.cursor() as cursor:
            for table in ("staff_apiclient", "staff_historicalapiclient"):
                cursor.execute(f"SELECT t::text FROM {table} t")
                rows = str(cursor.fetchall())
                assert client.prefix in rows
                assert secret not in rows
        assert api_clients.authenticate(key) == client

    @pytest.mark.parametrize("change", [lambda k: k[:-1] + ("A" if k[-1] != "A" else "B"), lambda k: k + "A", lambda k: k[:12], lambda k: "", lambda k: k.upper(), lambda k: "klm_00000000" + k[12:], lambda k: k[:-1] + "\0", lambda k: k[:-1] + "ы"])  # fmt: skip
    def test_another_key_opens_nothing(self, change):
        _client, key = client_and_key()
        assert api_clients.authenticate(change(key)) is None

    def test_an_expired_key_opens_nothing(self):
        client, key = client_and_key()
        ApiClient.objects.filter(pk=client.pk).update(expires_at=timezone.now())
        assert api_clients.authenticate(key) is None

    def test_a_renewed_key_takes_the_old_ones_place_and_a_revoked_one_nobodys(self, admin):
        client, old = client_and_key()
        with acting_as(f"officer:{admin.pk}"):
            new = services.renew_key(client=client, by=admin)
            assert api_clients.authenticate(old) is None
            assert api_clients.authenticate(new) == client
            services.revoke_client(client=client, by=admin)
        assert api_clients.authenticate(new) is None
        client.refresh_from_db()
        assert client.revoked_by == admin
        with refused("state"):
            services.renew_key(client=client, by=admin)

    @pytest.mark.parametrize("role", ["operator", "officer", "dpo", "auditor"])
    def test_only_administrators_make_and_end_keys(self, member, role):
        client, _key = client_and_key()
        by = member(role)
        with refused("permission"):
            services.make_client(code="x1", name="x", scopes=["consent:read"], expires_at=later(), by=by)
        with refused("permission"):
            services.revoke_client(client=client, by=by)

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("code", {"code": "Сайт"}),
            ("code", {"code": "loans"}),
            ("scopes", {"scopes": []}),
            ("scopes", {"scopes": ["everything"]}),
            ("expires_at", {"expires_at": timezone.now() - timedelta(days=1)}),
            ("per_minute", {"per_minute": 0}),
            ("name", {"name": "звонить 850314390019"}),
        ],
    )
    def test_a_bad_system_is_refused_and_the_field_named(self, field, values):
        client_and_key("loans")
        with pytest.raises(ValidationError) as caught:
            services.make_client(
                **{"code": "site", "name": "Site", "scopes": ["consent:read"], "expires_at": later(), **values}, by=None
            )
        assert set(caught.value.error_dict) == {field}

    def test_history_tells_who_let_it_in_and_not_when_it_last_came(self, admin):
        with acting_as(f"officer:{admin.pk}"):
            client, _key = services.make_client(
                code="site", name="Site", scopes=["consent:read"], expires_at=later(), by=admin
            )
        api_clients.note_use(client)
        (row,) = client.history.all()
        assert row.history_user_id == admin.pk
        assert not hasattr(row, "digest")
        assert not hasattr(row, "last_used_at")


class TestAtTheDoor:
    @pytest.mark.parametrize(
        "header", [{}, {"Authorization": "Bearer klm_x"}, {"Authorization": "Basic eDp5"}, {"Authorization": ""}]
    )
    def test_nobody_without_a_key(self, header):
        response = Client().get("/api/v1/changes", headers=header)
        problem(response, 401, "unauthenticated")
        assert response["WWW-Authenticate"].startswith("Bearer")

    def test_a_signed_in_officer_is_nobody_here(self, admin, at_desk):
        problem(at_desk(admin).get("/api/v1/changes"), 401, "unauthenticated")

    @pytest.mark.parametrize("scope", Scope.values)
    def test_each_right_opens_its_operations_and_no_others(self, scope):
        person = DataSubjectFactory(client_number="17")
        asked = {
            "subjects:read": ("post", "/subjects/lookup", {"kind": "client_number", "value": "17"}),
            "subjects:write": ("put", "/subjects/17", {}),
            "data:write": ("put", f"/subjects/{person}/data/email", {}),
            "denylist:read": ("get", f"/subjects/{person}/denylist", None),
            "aml:read": ("get", f"/subjects/{person}/monitoring", None),
            "decisions:write": ("put", f"/subjects/{person}/decisions/1/review", {}),
            "loans:write": ("put", f"/subjects/{person}/applications/1", {"state": "applied"}),
            "forms:read": ("get", "/forms", None),
            "consent:read": ("get", f"/subjects/{person}/consents", None),
            "consent:write": ("post", f"/subjects/{person}/forms/C1/served", {}),
            "transfers:ask": ("post", "/transfers/decisions", {}),
            "transfers:write": ("post", "/transfers", {}),
            "changes:read": ("get", "/changes", None),
        }
        assert set(asked) == set(Scope.values)
        system = System(scopes=(scope,))
        for needed, (method, path, body) in asked.items():
            response = system.ask(method, path, body)
            assert (response.status_code != 403) is (needed == scope), (needed, response.content)
            if needed != scope:
                assert needed in problem(response, 403, "scope_missing")["detail"]

    def test_everything_it_writes_bears_its_name_and_the_request(self):
        system = System("site-1")
        registers.load()
        response = system.put("/subjects/17", {"language": "ru", "email": "a@example.kz"})
        row = DataSubject.history.get()
        assert (row.actor, row.history_user_id, row.request_id) == ("api:site-1", None, response["X-Request-Id"])

    def test_the_last_use_is_written_once_a_minute_and_not_at_every_request(self):
        system = System()
        with CaptureQueriesContext(
            connection,
        ) as first:
            system.get("/changes")
        with CaptureQueriesContext(connection) as second:
            system.get("/changes")
        writes = [[q["sql"] for q in run if 'UPDATE "staff_apiclient"' in q["sql"]] for run in (first, second)]
        assert [len(found) for found in writes] == [1, 0]
        assert ApiClient.objects.get().last_used_at is not None

    def test_answers_stay_in_no_cache(self):
        assert "no-store" in System().get("/changes")["Cache-Control"]


class TestLimits:
    def test_a_minutes_worth_may_come_at_once_and_the_next_is_told_when_to_come(self):
        system = System(per_minute=3)
        assert [system.get("/changes").status_code for _time in range(3)] == [200] * 3
        response = system.get("/changes")
        problem(response, 429, "rate_limited")
        assert 1 <= int(response["Retry-After"]) <= 20

    def test_a_share_of_the_minute_later_there_is_room_for_one(self):
        client, _key = client_and_key(per_minute=3)
        assert [api_clients.seconds_to_wait(client) for _time in range(3)] == [0, 0, 0]
        wait = api_clients.seconds_to_wait(client)
        assert 18 <= wait <= 20
        row = ApiAllowance.objects.get()
        ApiAllowance.objects.update(free_at=row.free_at - timedelta(seconds=wait))
        assert api_clients.seconds_to_wait(client) == 0
        assert api_clients.seconds_to_wait(client) > 0

    def test_one_systems_haste_is_not_anothers(self):
        hasty, calm = System("hasty", per_minute=1), System("calm", per_minute=1)
        assert [hasty.get("/changes").status_code, hasty.get("/changes").status_code] == [200, 429]
        assert calm.get("/changes").status_code == 200


class TestPages:
    def test_the_key_is_shown_once_on_the_page_after_it_was_made(self, admin, at_desk):
        desk = at_desk(admin)
        end = timezone.localtime(later())
        form = {
            "code": "dialler",
            "name": "Dialler",
            "scopes": ["changes:read", "consent:read"],
            "per_minute": 60,
            "expires_at_0": end.strftime("%d.%m.%Y"),
            "expires_at_1": end.strftime("%H:%M"),
        }
        page = desk.post("/admin/staff/apiclient/add/", form)
        assert page.status_code == 200, page.headers
        client = ApiClient.objects.get()
        key = next(
            word
            for word in page.content.decode().replace("<", " ").replace(">", " ").split()
            if word.startswith(f"{client.prefix}_")
        )
        assert api_clients.authenticate(key) == client
        assert "no-store" in page["Cache-Control"]
        assert key not in desk.get(f"/admin/staff/apiclient/{client.pk}/change/").content.decode()
        assert client.history.get().history_user_id == admin.pk

    def test_another_key_and_the_end_of_it_are_said_before_they_happen(self, admin, at_desk):
        client, key = client_and_key()
        desk = at_desk(admin)
        assert desk.get(f"/admin/staff/apiclient/{client.pk}/renew/").status_code == 200
        assert api_clients.authenticate(key) == client
        assert "klm_" in desk.post(f"/admin/staff/apiclient/{client.pk}/renew/").content.decode()
        assert api_clients.authenticate(key) is None
        assert desk.post(f"/admin/staff/apiclient/{client.pk}/revoke/").status_code == 302
        client.refresh_from_db()
        assert client.revoked_by == admin
        assert desk.post(f"/admin/staff/apiclient/{client.pk}/renew/").status_code == 403
        assert desk.get(f"/admin/staff/apiclient/{client.pk}/change/").status_code == 200

    def test_rights_and_limit_are_changed_and_the_code_is_not(self, admin, at_desk):
        client, _key = client_and_key()
        end = timezone.localtime(client.expires_at)
        form = {
            "code": "other", "name": "Loans", "scopes": ["loans:write"], "per_minute": 5,
            "expires_at_0": end.strftime("%d.%m.%Y"), "expires_at_1": end.strftime("%H:%M:%S"),
        }  # fmt: skip
        assert at_desk(admin).post(f"/admin/staff/apiclient/{client.pk}/change/", form).status_code == 302
        client.refresh_from_db()
        assert (client.code, client.scopes, client.per_minute) == ("loans", ["loans:write"], 5)


def test_old_answers_are_purged_and_todays_are_kept():
    client, _key = client_and_key()
    for age in (1, 30):
        IdempotentAnswer.objects.create(
            client=client, key=f"k{age}", request_digest=b"x", status=201, media_type="application/json", body="{}",
            created_at=timezone.now() - timedelta(hours=age),
        )  # fmt: skip
    assert purge.purge_answers() == 1
    assert IdempotentAnswer.objects.get().key == "k1"
