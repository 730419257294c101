"""Known and unknown people at the door: the same answer, the same statements, the same time; guesses end (Show 4)."""

import random
import re
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.actor import acting_as
from staff.models import Operator
from subjects import sign_in
from subjects.identifiers import check_digit
from subjects.models import CabinetEvent, SignInCode
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db


def iins(count: int, *, first: int) -> list[str]:
    """`count` well-formed IINs of adults, from the serial number `first`."""
    found, serial = [], first
    while len(found) < count:
        eleven = f"{780101 + serial % 28}3{serial % 10_000:04d}"
        digit = check_digit(eleven)
        if digit is not None:
            found.append(f"{eleven}{digit}")
        serial += 1
    return found


def auc(known: list[float], unknown: list[float]) -> float:
    """How often a known person took longer than an unknown one: 0.5 tells nothing."""
    ranked = sorted([(seconds, 1) for seconds in known] + [(seconds, 0) for seconds in unknown])
    ranks = sum(place for place, (_seconds, is_known) in enumerate(ranked, start=1) if is_known)
    return (ranks - len(known) * (len(known) + 1) / 2) / (len(known) * len(unknown))


def plain(html: str) -> str:
    """A page without what is new at every request."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", html)


@pytest.mark.prove
@pytest.mark.django_db(transaction=True)  # as at the door: each ask its own transaction, its locks let go
def test_two_thousand_known_and_unknown_cannot_be_told_apart(size, monkeypatch):
    count = size(2000, least=60)
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    monkeypatch.setattr(sign_in, "PER_ADDRESS", ((10**9, timedelta(hours=1)),))
    numbers = iins(2 * count, first=1)
    # every second one is known; each kind is asked as often, in a mixed order
    known = numbers[::2]
    with acting_as("job:test"):
        for number in known:
            DataSubjectFactory(iin=number, email=None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    order = [(number, True) for number in known] + [(number, False) for number in numbers[1::2]]
    random.Random(4).shuffle(order)
    took: dict[bool, list[float]] = {True: [], False: []}
    answers, statements = set(), set()
    client = Client(headers={"accept-language": "en"})
    client.get("/cabinet/sign-in/")
    for number in iins(10, first=8500):  # everything is loaded and the connection is known
        client.post("/cabinet/sign-in/", {"identifier": number})
    SignInCode.objects.all().delete()
    for place, (number, is_known) in enumerate(order):
        watched = place % 20 < 2
        began = time.perf_counter()
        if watched:
            with CaptureQueriesContext(connection) as queries:
                response = client.post("/cabinet/sign-in/", {"identifier": number})
            shapes = tuple(re.sub(r"'[^']*'|\d+|\\x[0-9a-f]+", "?", query["sql"])[:50] for query in queries)
            statements.add((is_known, shapes))
        else:
            response = client.post("/cabinet/sign-in/", {"identifier": number})
            took[is_known].append(time.perf_counter() - began)
        page = plain(client.get("/cabinet/code/").content.decode()) if watched else ""
        answers.add((response.status_code, response.url, page))
    area = auc(took[True], took[False])
    print(f"\n{count} known and {count} unknown at the door: AUC of the time {area:.3f}")
    assert {answer[:2] for answer in answers} == {(302, "/cabinet/code/")}
    assert len({answer[2] for answer in answers if answer[2]}) == 1
    assert {shapes for is_known, shapes in statements if is_known} == {
        shapes for is_known, shapes in statements if not is_known
    }
    # 0.05 at 2,000 each (security.md T23); fewer tries say less surely: four standard errors
    most = max(0.05, 4 * (1 / (6 * count)) ** 0.5)
    assert abs(area - 0.5) <= most
    rows = SignInCode.objects.filter(subject=None).count(), SignInCode.objects.exclude(subject=None).count()
    assert rows == (count, count)


@pytest.mark.prove
def test_ten_thousand_guesses_never_have_more_tries_than_a_code_allows(size, monkeypatch):
    guesses = size(10_000, least=300)
    person = DataSubjectFactory(iin="850314390019", phone="+77012345678")
    monkeypatch.setattr(sign_in, "PER_ADDRESS", ((10**9, timedelta(hours=1)),))
    now, real = timezone.now(), timezone.now
    shift = timedelta()
    monkeypatch.setattr(sign_in.timezone, "now", lambda: real() + shift)
    chance, opened, compared = random.Random(10), 0, {}
    with acting_as("job:test"):
        handle, done = None, 0
        while done < guesses:
            if handle is None or done % 7 == 0:  # more than a code's five, so that dead ones are tried too
                try:
                    identifier = "850314390019" if done % 2 else "+77012345678"
                    handle = sign_in.ask(identifier=identifier, address="203.0.113.7").handle
                    row = SignInCode.objects.get(handle=handle)
                    SignInCode.objects.filter(pk=row.pk).update(created_at=real() + shift)  # the database's clock stays
                    if not row.held_back:
                        sign_in.make_code(row)
                except sign_in.Limited as error:
                    shift += timedelta(seconds=error.seconds)
            if handle is None:
                continue
            before = SignInCode.objects.get(handle=handle)
            alive = before.digest is not None and before.tries < sign_in.TRIES and before.used_at is None
            opened += sign_in.verify(handle=handle, code=f"{chance.randrange(10**6):06d}") is not None
            compared[handle] = compared.get(handle, 0) + alive
            done += 1
    most = max(compared.values())
    days = max(1, -(-(real() + shift - now).total_seconds() // 86_400))
    made = SignInCode.objects.filter(subject=person, held_back=False).count()
    print(
        f"\n{guesses} guesses in {days:.0f} days of the clock: {made} codes, at most {most} tries each, {opened} opened"
    )
    assert most <= sign_in.TRIES
    # whoever guesses on and on has ten codes a day: one day more for the window's edges
    assert made <= 10 * (days + 1)
    assert opened <= 2, "one in twenty thousand a day"
    assert CabinetEvent.objects.filter(kind="code_limited").exists()


def test_the_right_code_after_five_wrong_ones_opens_nothing_and_only_the_newest_counts():
    person = DataSubjectFactory(iin="850314390019")
    asked = sign_in.ask(identifier="850314390019", address="203.0.113.7")
    row = SignInCode.objects.get(handle=asked.handle)
    code = sign_in.make_code(row)
    wrong = "000000" if code != "000000" else "000001"
    assert all(sign_in.verify(handle=row.handle, code=wrong) is None for _n in range(5))
    assert sign_in.verify(handle=row.handle, code=code) is None
    assert SignInCode.objects.get().tries == 6
    assert person.sign_in_codes.get().used_at is None
