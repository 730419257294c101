"""A withdrawal against authorise and release over three connections: nothing goes after it (issue 4, shows 2)."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep

import pytest
from django.db import connection

from audit.actor import acting_as
from consent import ledger
from consent.enums import ScopeKind
from consent.models import ConsentEvent
from tests.consent.factories import BY_CODE
from tests.transfers.factories import world
from transfers import services
from transfers.models import Release, Transfer

SHA = "a" * 64


@pytest.mark.django_db(transaction=True)
@pytest.mark.prove
def test_nothing_is_authorised_or_released_after_a_withdrawal_committed(size):
    races = size(1000)
    made = world(kind="advertiser", code="ads", form="C9", scope_kind=ScopeKind.WHOLE, purpose="others_advertising")
    question, barrier, caught = made.question(), Barrier(3), []
    tokens: dict[int, str] = {}

    def guarded(act):
        def run(n: int) -> None:
            with acting_as("job:race"):
                barrier.wait(30)
                act(n)
                barrier.wait(30)

        return run

    def withdraw(n: int) -> None:
        sleep((n % 7) / 4000)
        ledger.withdraw(subject=made.person, form=made.form, proof=BY_CODE)

    def authorise(n: int) -> None:
        sleep((n % 3) / 4000)
        token = services.authorise(question=question).token
        if token:
            send(token)

    def release(n: int) -> None:
        sleep((n % 5) / 4000)
        send(tokens[n])

    def send(token: str) -> None:
        try:
            services.release(token=token, payload_sha256=SHA)
        except services.NotReleased as refused:
            caught.append(refused.code)

    def whole(act):
        try:
            for n in range(races):
                if act is withdraw:  # this connection also sets the scene
                    with acting_as("job:race"):
                        made.consents()
                        tokens[n] = services.authorise(question=question).token
                guarded(act)(n)
        except BaseException:
            barrier.abort()
            raise
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(whole, act) for act in (withdraw, authorise, release)]:
            done.result()

    events = list(ConsentEvent.objects.order_by("pk"))
    given = [e.at for e in events if e.kind == "given"]
    withdrawn = [e.at for e in events if e.kind == "withdrawn"]
    assert len(given) == len(withdrawn) == races
    spans = list(zip(given, withdrawn, strict=True))
    acts = [t.at for t in Transfer.objects.filter(decision="allow")] + [r.at for r in Release.objects.all()]
    late = [at for at in acts if not any(start <= at <= end for start, end in spans)]
    assert late == []
    released = Release.objects.count()
    print(f"\n{races} races: {len(acts) - released} authorised, {released} released, {len(caught)} stopped, none late")
    # both happened, or nothing raced
    assert released and "withdrawn" in caught and Transfer.objects.filter(decision="deny").exists()
    assert set(caught) == {"withdrawn"}
