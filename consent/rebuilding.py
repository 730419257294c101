"""How every consent stands, derived again from its events and compared with what is kept (DESIGN 5): no difference.

A thousand people at a time, in two statements: five million are minutes. What seems to differ is looked at again
under its lock, so that an act in the middle of the reading is no difference.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from django.db.models import QuerySet

from consent import derivation, ledger
from consent.acts import Owner
from consent.derivation import Standing
from consent.models import ConsentEvent, ConsentForm, ConsentState
from subjects.models import DataSubject

PEOPLE = 1000


class Key(NamedTuple):
    """Whose consent, of what form, about what."""

    subject: int | None
    device: bytes | None
    form: int
    scope: str


def _key(row: ConsentEvent | ConsentState) -> Key:
    device = None if row.device_digest is None else bytes(row.device_digest)
    return Key(row.subject_id, device, row.form_id, row.scope)


def _kept(row: ConsentState) -> tuple:
    return (row.state, row.since, row.until, row.given_id, row.last_id, row.postponed)


def _as_kept(standing: Standing) -> tuple:
    given, last = standing.given, standing.last
    return (
        standing.state, standing.since, standing.until, given and given.pk, last and last.pk, standing.postponed,
    )  # fmt: skip


def _differing(events: QuerySet[ConsentEvent], states: QuerySet[ConsentState]) -> Iterator[Key]:
    """The consents of these events and rows whose row is not what its events say, or is not there."""
    rows = {_key(row): _kept(row) for row in states}
    ordered = events.order_by("subject", "device_digest", "form", "scope", "occurred_at", "pk").defer("sealed_evidence")
    for key, found in groupby(ordered.iterator(chunk_size=2000), key=_key):
        if rows.pop(key, None) != _as_kept(derivation.fold(found)):
            yield key
    nothing = _as_kept(Standing())
    yield from (key for key, kept in rows.items() if kept != nothing)


def _suspects() -> Iterator[Key]:
    last = 0
    while people := list(DataSubject.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:PEOPLE]):
        those = {"subject__gt": last, "subject__lte": people[-1]}
        yield from _differing(ConsentEvent.objects.filter(**those), ConsentState.objects.filter(**those))
        last = people[-1]
    yield from _differing(ConsentEvent.objects.filter(subject=None), ConsentState.objects.filter(subject=None))


def rebuild(*, dry_run: bool = False) -> int:
    """Derive every row again from the events; how many differed, which are mended unless it is a dry run."""
    differed = 0
    for key in list(_suspects()):
        owner = Owner(DataSubject.objects.get(pk=key.subject) if key.subject else None, key.device)
        with ledger.locked(owner, ConsentForm.objects.get(pk=key.form), key.scope) as row:
            events = ConsentEvent.objects.filter(
                subject=key.subject, device_digest=key.device, form=key.form, scope=key.scope
            )
            derived = derivation.fold(events)
            if derived != ledger.standing_of(row):
                differed += 1
                if not dry_run:
                    ledger.write(row, derived)
    return differed
