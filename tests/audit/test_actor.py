"""Every write has one actor: it is set on the session, given back, and never met by the next request."""

import json
import threading
from http.cookies import SimpleCookie
from io import BytesIO

import pytest
from django.contrib.auth import login, logout
from django.core.handlers.wsgi import WSGIHandler
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path

from audit import actor, prepared
from audit.actor import NOBODY, Act, acting_as, because, command_actor, current
from staff.models import StaffUser
from subjects.cabinet import SUBJECT_KEY
from subjects.models import DataCategory, DataSubject
from tests.audit.conftest import both, category, query

ME = Act("job:test")
WHO = "SELECT coalesce(nullif(current_setting('kelisim.actor', true), ''), %(default)s)"
NAMED = "SELECT coalesce(%(actor)s::text, 'not named, but set: ' || current_setting('kelisim.actor', true))"


# acting_as, because


@both
def test_what_is_inside_is_done_by_the_actor_and_what_follows_by_whoever_it_was():
    with acting_as("officer:7", reason="outer", request_id="r1"):
        assert current() == Act("officer:7", "r1", "outer")
        with acting_as("job:sweep"):
            assert current() == Act("job:sweep", "r1", ""), "the request goes on, its reason does not"
            with acting_as("sign-in", reason="inner"):
                assert current() == Act("sign-in", "r1", "inner")
            assert current() == Act("job:sweep", "r1", "")
        assert current() == Act("officer:7", "r1", "outer")
    assert current() == ME


@both
def test_a_reason_is_given_to_what_is_inside_and_taken_back():
    with acting_as("officer:7", reason="outer"):
        with because("data_corrected"):
            assert current() == Act("officer:7", "", "data_corrected")
        assert current().reason == "outer"


@both
def test_an_error_inside_gives_the_session_back():
    for wrap in (acting_as, because):
        with pytest.raises(RuntimeError), wrap("sign-in"):
            raise RuntimeError
        assert current() == ME


@both
def test_an_error_that_rolls_back_the_transaction_gives_the_session_back():
    with pytest.raises(RuntimeError), transaction.atomic(), acting_as("officer:7"):
        raise RuntimeError
    assert current() == ME
    with pytest.raises(RuntimeError), acting_as("officer:7"), transaction.atomic():
        raise RuntimeError
    assert current() == ME


@both
def test_a_refusal_by_the_database_arrives_as_itself_and_gives_the_session_back():
    """In a transaction that PostgreSQL has given up nothing can be set; trying would hide the first error."""
    for wrap in (acting_as, because):
        with pytest.raises(DatabaseError, match="division by zero"), transaction.atomic(), wrap("sign-in"):
            query("SELECT 1 / 0")
        assert current() == ME
        with pytest.raises(IntegrityError, match="duplicate key"), transaction.atomic(), wrap("sign-in"):
            category("twice").save()
            category("twice").save()
        assert current() == ME


@both
def test_a_savepoint_rolled_back_inside_leaves_the_actor_of_the_transaction():
    with transaction.atomic(), acting_as("officer:7"):
        with pytest.raises(IntegrityError), transaction.atomic():
            category("twice").save()
            category("twice").save()
        assert current().actor == "officer:7"
        with pytest.raises(RuntimeError), transaction.atomic(), acting_as("job:sweep"):
            raise RuntimeError
        assert current().actor == "officer:7"
    assert current() == ME


@pytest.mark.django_db(transaction=True)
@pytest.mark.nobody
def test_a_lost_connection_does_not_hide_what_went_wrong():
    with pytest.raises(RuntimeError, match="the real reason"), acting_as("officer:7"):
        (pid,) = query("SELECT pg_backend_pid()")[0]
        with connections["default"].copy().cursor() as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            other.db.close()
        with pytest.raises(DatabaseError):
            query("SELECT 1")
        raise RuntimeError("the real reason")


@pytest.mark.parametrize(
    "name",
    ["", "officer", "officer:", "officer:aigul", "officer:1\n", " officer:1", "subject:1", "somebody", "job:a b",
     "migration:staff", "command:demo", "officer:1; DROP TABLE x"],
)  # fmt: skip
def test_a_name_that_is_not_an_actors_is_a_mistake_of_the_programmer(name):
    with pytest.raises(ValueError, match="Not the name"), acting_as(name):
        pass


@pytest.mark.parametrize("reason", ["Больной", "asked by Aigul", "UPPER", "a\n"])
def test_a_reason_is_a_code_because_a_text_could_speak_of_a_person(reason):
    with pytest.raises(ValueError, match="code"), acting_as("sign-in", reason=reason):
        pass


def test_a_commands_actor_is_well_formed_whoever_runs_it(monkeypatch):
    assert actor.ACTOR.fullmatch(command_actor("create_staff"))
    for user in ("root", "DOMAIN\\aigul", "svc-kelisim$", "a.b_c"):
        monkeypatch.setattr("getpass.getuser", lambda user=user: user)
        assert actor.ACTOR.fullmatch(command_actor("demo")), user


# requests


def write(request: HttpRequest) -> JsonResponse:
    try:
        with transaction.atomic():
            row = DataCategory.objects.create(code=f"w{DataCategory.objects.count()}", retention_class="identity")
    except IntegrityError as refusal:
        return JsonResponse({"refused": str(refusal), "pid": query("SELECT pg_backend_pid()")[0][0]})
    left = row.history.get()
    return JsonResponse(
        {"actor": left.actor, "request": left.request_id, "pid": query("SELECT pg_backend_pid()")[0][0]}
    )


def read(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"rows": DataCategory.objects.count()})


def nothing(request: HttpRequest) -> JsonResponse:
    return JsonResponse({})


def roll_back_then_write(request: HttpRequest) -> JsonResponse:
    """The request's first statement is inside a transaction that fails; the next transaction follows at once."""
    try:
        with transaction.atomic():
            category("never").save()
            raise RuntimeError
    except RuntimeError:
        with transaction.atomic():
            category("after").save()
    return JsonResponse({"actor": DataCategory.history.get().actor})


def savepoint_back_then_write(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        try:
            with transaction.atomic():
                category("never").save()
                raise RuntimeError
        except RuntimeError:
            category("after").save()
    return JsonResponse({"actor": DataCategory.history.get().actor})


def sign_out_then_write(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        category("before").save()
        logout(request)
        request.lazy_actor.renew()
        now = current().actor
    return JsonResponse({"actor": now})


def sign_in_then_write(request: HttpRequest) -> JsonResponse:
    user = StaffUser.objects.get()
    with transaction.atomic():
        login(request, user, "django.contrib.auth.backends.ModelBackend")
        request.lazy_actor.renew()
        category("after").save()
    return JsonResponse({"actor": DataCategory.history.get().actor})


def fail(request: HttpRequest) -> JsonResponse:
    category("left").save()
    raise RuntimeError("an error of ours")


def prepared_read(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"actor": prepared.one(WHO, {"default": "nobody"})[0]})


def named_then_write(request: HttpRequest) -> JsonResponse:
    """A statement that only reads takes the name as a value; who writes afterwards is set, and then is not named."""
    (named,) = prepared.one(NAMED, {})
    row = category("after")
    row.save()
    return JsonResponse({"named": named, "wrote": row.history.get().actor, "then": prepared.one(NAMED, {})[0]})


def named_alone(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"named": prepared.one(NAMED, {})[0]})


def prepared_then_write(request: HttpRequest) -> JsonResponse:
    prepared.one(WHO, {"default": ""})
    return write(request)


def prepared_in_a_transaction(request: HttpRequest) -> JsonResponse:
    """As a transfer is authorised: the facts, then the row, then a transaction that begins anew."""
    with transaction.atomic():
        prepared.one(WHO, {"default": ""})
        category("first").save()
    with transaction.atomic():
        category("second").save()
    return JsonResponse({"actor": " ".join(sorted({row.actor for row in DataCategory.history.all()}))})


def prepared_in_a_savepoint_back(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        with pytest.raises(DatabaseError, match="division by zero"), transaction.atomic():
            prepared.one("SELECT 1 / length(%(default)s)", {"default": ""})
        category("after").save()
    return JsonResponse({"actor": DataCategory.history.get().actor})


VIEWS = (write, read, nothing, roll_back_then_write, savepoint_back_then_write, sign_out_then_write,
         sign_in_then_write, fail, prepared_read, named_then_write, named_alone, prepared_then_write, prepared_in_a_transaction,
         prepared_in_a_savepoint_back)  # fmt: skip
urlpatterns = [path(view.__name__, view) for view in VIEWS] + [path("cabinet/write", write)]
here = pytest.mark.urls(__name__)


def signed_in(officer) -> Client:
    client = Client()
    client.force_login(officer)
    return client


@here
@both
def test_a_request_of_an_officer_writes_as_that_officer(officer):
    answer = signed_in(officer).get("/write")
    assert answer.json()["actor"] == f"officer:{officer.pk}"
    assert answer.json()["request"] == answer["X-Request-Id"], "history and the answer name the same request"


@here
@both
def test_a_request_of_a_person_in_the_cabinet_writes_as_that_person(settings):
    from django.contrib.sessions.backends.db import SessionStore

    subject = DataSubject.objects.create()
    session = SessionStore()
    session[SUBJECT_KEY] = str(subject.public_id)
    session.save()
    client = Client()
    client.cookies = SimpleCookie({settings.CABINET_COOKIE_NAME: session.session_key})
    assert client.get("/cabinet/write").json()["actor"] == f"subject:{subject.public_id}"
    assert "refused" in client.get("/write").json(), "the cabinet's session means nothing outside the cabinet"


@here
@both
def test_an_officers_session_means_nothing_in_the_cabinet(officer):
    assert "refused" in signed_in(officer).get("/cabinet/write").json()


@here
@both
@pytest.mark.nobody
def test_a_request_of_nobody_cannot_write():
    assert "no actor" in Client().get("/write").json()["refused"]


@here
@pytest.mark.django_db(transaction=True)
@pytest.mark.nobody
def test_two_requests_on_one_persistent_connection_do_not_share_an_actor(officer):
    first = signed_in(officer).get("/write").json()
    assert current() == NOBODY
    second = Client().get("/write").json()
    assert first["pid"] == second["pid"], "the connection must be the same one, or nothing is tested"
    assert first["actor"] == f"officer:{officer.pk}"
    assert "no actor" in second["refused"]
    assert current() == NOBODY


@here
@pytest.mark.django_db(transaction=True)
@pytest.mark.nobody
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_no_request_leaves_an_actor_behind(view, officer):
    client = signed_in(officer)
    client.raise_request_exception = False
    client.get(f"/{view.__name__}")
    assert current() == NOBODY


@here
@pytest.mark.django_db
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_inside_a_tests_transaction_a_request_gives_the_tests_actor_back(view, officer):
    client = signed_in(officer)
    client.raise_request_exception = False
    client.get(f"/{view.__name__}")
    assert current() == ME


@here
@both
@pytest.mark.parametrize("view", [roll_back_then_write, savepoint_back_then_write], ids=lambda view: view.__name__)
def test_work_rolled_back_does_not_take_the_actor_of_later_work_with_it(view, officer):
    assert signed_in(officer).get(f"/{view.__name__}").json()["actor"] == f"officer:{officer.pk}"


@here
@both
@pytest.mark.parametrize(
    "view", [v for v in VIEWS if v.__name__.startswith("prepared")], ids=lambda view: view.__name__
)
def test_a_prepared_statement_is_asked_by_the_actor_and_so_is_all_after_it(view, officer):
    assert signed_in(officer).get(f"/{view.__name__}").json()["actor"] == f"officer:{officer.pk}"


@here
@pytest.mark.django_db(transaction=True)
@pytest.mark.nobody
def test_the_actor_goes_with_a_prepared_statement_and_nothing_follows_to_take_it_away(django_assert_num_queries):
    with django_assert_num_queries(1):  # the actor; the prepared statement is not of Django's cursor
        assert Client().get("/prepared_read").json()["actor"] == "nobody"
    assert current() == NOBODY


@here
@pytest.mark.django_db(transaction=True)
@pytest.mark.nobody
def test_a_statement_that_only_reads_takes_the_name_as_a_value_and_nothing_is_set(django_assert_num_queries):
    with django_assert_num_queries(0):  # the prepared statement is not of Django's cursor
        assert Client().get("/named_alone").json() == {"named": ""}
    assert current() == NOBODY


@here
@both
def test_who_is_named_by_a_statement_is_who_writes_afterwards(officer):
    name = f"officer:{officer.pk}"
    told = signed_in(officer).get("/named_then_write").json()
    assert told == {"named": name, "wrote": name, "then": f"not named, but set: {name}"}


def test_outside_a_request_a_statement_finds_the_actor_that_is_set(db):
    with acting_as("job:test"):
        assert prepared.one(NAMED, {}) == ("not named, but set: job:test",)


@here
@both
def test_who_signs_in_or_out_in_the_middle_of_a_request_is_or_is_no_longer_the_actor(officer):
    assert Client().get("/sign_in_then_write").json()["actor"] == f"officer:{officer.pk}"
    assert signed_in(officer).get("/sign_out_then_write").json()["actor"] == ""


@here
@both
def test_a_page_that_asks_the_database_nothing_costs_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        Client().get("/nothing")


@here
@pytest.mark.django_db(transaction=True)
@pytest.mark.nobody
def test_a_page_of_nobody_costs_two_statements_for_the_actor_however_many_it_asks(django_assert_num_queries):
    with django_assert_num_queries(3):
        Client().get("/read")


@here
@pytest.mark.django_db(transaction=True)
@pytest.mark.nobody
def test_two_requests_on_one_connection_of_the_pool_do_not_share_an_actor(officer, monkeypatch):
    """Through the WSGI handler, as the server does it: the connection goes back to a pool of one and is lent again."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "pool", {"min_size": 1, "max_size": 1})
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    key = signed_in(officer).cookies["sessionid"].value
    handler, answers = WSGIHandler(), {}

    def serve(name: str, cookie: str) -> None:
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": "/write", "SERVER_NAME": "testserver", "SERVER_PORT": "80",
            "wsgi.input": BytesIO(), "wsgi.url_scheme": "http", "HTTP_COOKIE": cookie,
        }  # fmt: skip
        response = handler(environ, lambda status, headers: None)
        answers[name] = json.loads(b"".join(response))
        response.close()

    try:
        for name, cookie in {"officer": f"sessionid={key}", "nobody": "", "officer again": f"sessionid={key}"}.items():
            thread = threading.Thread(target=serve, args=(name, cookie))
            thread.start()
            thread.join(30)
    finally:
        connections["default"].copy().close_pool()
    assert answers["officer"]["actor"] == answers["officer again"]["actor"] == f"officer:{officer.pk}"
    assert "no actor" in answers["nobody"]["refused"]
    assert len({answer["pid"] for answer in answers.values()}) == 1, "one connection, or nothing is tested"
