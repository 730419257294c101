"""Staff for tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import Permission
from factory import Sequence
from factory.django import DjangoModelFactory

from audit.actor import acting_as
from staff.models import StaffUser


class StaffUserFactory(DjangoModelFactory):
    """A member of staff who may enter the admin; `permit` gives single rights."""

    class Meta:
        model = StaffUser

    username = Sequence(lambda n: f"colleague{n}")
    email = Sequence(lambda n: f"colleague{n}@example.kz")
    is_staff = True


def permit(user: StaffUser, *permissions: str) -> StaffUser:
    """Give `app.codename` rights; returns the user afresh, without cached rights."""
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return StaffUser.objects.get(pk=user.pk)


@contextmanager
def as_officer(user: StaffUser) -> Iterator[StaffUser]:
    """Do what is inside as this officer."""
    with acting_as(f"officer:{user.pk}"):
        yield user
