"""A browser in which a person is signed in to the cabinet; the door itself is proved in test_sign_in."""

from time import time

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from subjects import sessions, step_up
from subjects.cabinet import SUBJECT_KEY
from subjects.models import CabinetSession, DataSubject
from subjects.views import BEGAN_KEY


def inside(person: DataSubject, language: str = "kk", *, hours: float = 0, fresh: bool = True, **kwargs) -> Client:
    """The person, reading in `language`, signed in `hours` ago; with `fresh` a code was right just now, asked for on
    purpose."""
    row = CabinetSession.objects.create(subject=person)
    session = SessionStore()
    session[SUBJECT_KEY] = str(person.public_id)
    session[sessions.KEY] = str(row.public_id)
    session[BEGAN_KEY] = int(time() - hours * 3600)
    if fresh:
        step_up.note(session)
    session.save()
    client = Client(headers={"accept-language": language}, **kwargs)
    client.cookies[settings.CABINET_COOKIE_NAME] = session.session_key
    return client
