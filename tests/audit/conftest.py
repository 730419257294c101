"""What the tests of history share: both kinds of transaction, every way to attack, an officer, three register rows."""

from contextlib import contextmanager, nullcontext

import pgtrigger
import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client

from audit.actor import acting_as
from staff.models import StaffUser
from subjects.models import DataCategory


def both(function):
    """Run the test inside a transaction and, as its twin, in autocommit as production does."""
    twins = [
        pytest.param("atomic", marks=pytest.mark.django_db),
        pytest.param("autocommit", marks=pytest.mark.django_db(transaction=True)),
    ]
    return pytest.mark.usefixtures("twin")(pytest.mark.parametrize("twin", twins, indirect=True)(function))


@pytest.fixture
def twin(request):
    return request.param


def every_trigger() -> str:
    """All triggers of the house by both their names, as the array that pgtrigger's own template obeys."""
    names = {name for model, trigger in pgtrigger.registered() for name in (trigger.get_pgid(model), trigger.name)}
    return "{" + ",".join(sorted(names)) + "}"


def query(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def ignoring(*, local: bool):
    with transaction.atomic() if local else nullcontext():
        query("SELECT set_config('pgtrigger.ignore', %s, %s)", every_trigger(), local)
        try:
            yield
        finally:
            if not local:
                query("SELECT set_config('pgtrigger.ignore', '', false)")


@pytest.fixture(params=["honest", "session ignores every trigger", "transaction ignores every trigger"])
def attack(request):
    """A context in which somebody may have told pgtrigger to skip every trigger."""
    if request.param == "honest":
        return nullcontext
    return lambda: ignoring(local="transaction" in request.param)


@pytest.fixture
def officer(db):
    with acting_as("job:fixture"):
        return StaffUser.objects.create_user("aigul")  # no password: hashing one takes longer than the test


def category(code, **fields):
    """A row of the register, not saved."""
    titles = {"title_kk": f"{code} kk", "title_ru": f"{code} ru", "title_en": f"{code} en"}
    return DataCategory(code=code, retention_class="identity", **titles | fields)


@pytest.fixture
def three(db):
    """Three register rows that were there before."""
    with acting_as("job:fixture"):
        return [DataCategory.objects.create(code=c, title_ru=c, retention_class="identity") for c in ("a", "b", "c")]


@pytest.fixture
def reader(officer):
    """An officer who may look at everything and change nothing."""
    with acting_as("job:fixture"):
        officer.is_staff = True
        officer.save()
        officer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return officer


@pytest.fixture
def page(reader):
    client = Client(headers={"accept-language": "en"})
    client.force_login(reader)
    return client
