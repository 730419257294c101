"""Members of staff with roles given by the real services, and browsers that they sit at."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from audit.actor import acting_as
from staff import services
from staff.models import StaffUser
from staff.rules import NotAllowed
from tests.notifications.conftest import operator, sink  # noqa: F401 -- the mail server of the tests

PASSWORD = "steppe wormwood caravan 41"


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[NotAllowed]]:
    """What is inside is refused with a sentence, for the reason `code`."""
    with pytest.raises(NotAllowed) as caught:
        yield caught
    assert caught.value.code == code
    assert caught.value.messages[0].endswith(".")


@cache
def _hashed() -> str:
    # hashing is made slow on purpose: once is enough for all tests
    return make_password(PASSWORD)


@pytest.fixture
def member(db):
    """`member("dpo")` is an active member of staff with this role and PASSWORD; without a role: None."""
    made = []

    def make(role: str | None = "officer", *, username: str = "", email: str = "?", language: str = "ru") -> StaffUser:
        username = username or f"{role or 'nobody'}{len(made)}"
        email = f"{username}@example.kz" if email == "?" else email
        with acting_as("job:fixture"):
            if role is None:
                user = StaffUser.objects.create_user(username, email, is_staff=True, language=language)
            else:
                user, _link = services.create_staff(username=username, email=email, role=role, language=language)
            user.password = _hashed()
            user.save(update_fields=["password"])
        made.append(user)
        return user

    return make


@pytest.fixture
def at_desk():
    """`at_desk(user)` is a browser in which the user is signed in."""

    def sit(user: StaffUser) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sit


@pytest.fixture
def texts():
    """Publish the next undertaking."""

    def publish(*, ru: str = "Обязуюсь хранить тайну.", kk: str = "Құпияны сақтаймын.", en: str = ""):
        with acting_as("job:fixture"):
            return services.publish_undertaking(text_kk=kk, text_ru=ru, text_en=en, by=None)

    return publish
