"""Who is not to be called: the suppression list follows what people say of advertising (94-V art. 8; policy 7.1)."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from consent.enums import LIVE, EventKind, State
from consent.models import ConsentEvent, ConsentState, Objection, Purpose
from consent.models.events import CONSENTING
from subjects import suppression
from subjects.models import DataSubject, Suppression

# the consent we may write and call by, and the one to advertising of others, which may end alone
OWN, OF_OTHERS = "C8", "C9"
_MARKETING = r"\mdpv:\w*(Marketing|Advertising)\M"
_NO = (State.REFUSED, State.WITHDRAWN, State.WITHDRAWAL_DEFERRED)
_REASONS = {
    EventKind.WITHDRAWN: Suppression.Reason.OBJECTED,
    EventKind.WITHDRAWAL_DEFERRED: Suppression.Reason.OBJECTED,
    EventKind.REFUSED: Suppression.Reason.OBJECTED,
    EventKind.EXPIRED: Suppression.Reason.ENDED,
    EventKind.REVOKED: Suppression.Reason.ENDED,
    EventKind.INVALIDATED: Suppression.Reason.ENDED,
}


def is_marketing(purpose: Purpose) -> bool:
    """Whether its DPV terms call the purpose marketing or advertising."""
    return Purpose.objects.filter(pk=purpose.pk, dpv_term__regex=_MARKETING).exists()


def follow(events: Iterable[ConsentEvent]) -> None:
    """Put on the list or take off it whom these events speak of: the events written, their consents derived already.

    events: with `form`; in the caller's transaction, as many queries for a thousand as for one. One list answers for
    every advertising: nobody is on it who consents to ours, were even the consent to that of others withdrawn.
    """
    said: dict[str, set[int]] = {}
    for event in events:
        if event.subject_id is None or event.form.code not in (OWN, OF_OTHERS):
            continue
        if event.kind in CONSENTING and event.form.code == OWN:
            said.setdefault(Suppression.Reason.CONSENTED, set()).add(event.subject_id)
        elif event.kind in _REASONS:
            said.setdefault(_REASONS[EventKind(event.kind)], set()).add(event.subject_id)
    for reason, people in said.items():
        weigh(people, reason=reason)


def weigh(people: Iterable[int], *, reason: str) -> None:
    """Let the list say of these subjects (ids) what stands now: our advertising consented to, and no objection to it.

    reason: Suppression.Reason; `consented` takes people off the list, every other puts them there.
    """
    # whoever says yes and whoever says no at once wait for each other here, and the second sees the first
    ids = set(
        DataSubject.objects.select_for_update(no_key=True)
        .filter(pk__in=people)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    now = timezone.now()
    agreed = ConsentState.objects.filter(subject__in=ids, form__code=OWN, state__in=LIVE).exclude(until__lte=now)
    objecting = Objection.objects.in_force(now).filter(subject__in=ids, purpose__dpv_term__regex=_MARKETING)
    wanted = set(agreed.values_list("subject", flat=True)) - set(objecting.values_list("subject", flat=True))
    if reason == Suppression.Reason.CONSENTED:
        # not those whose objection stands, or who withdrew since, when the consent was typed late
        suppression.allow_people(wanted, but=_saying_no(suppression.sharing(wanted), now))
    else:
        suppression.suppress_people(ids - wanted, reason=reason)


def _saying_no(ids: set[int], now: datetime) -> set[int]:
    """Those of the subjects (ids) who object to advertising, or refused or withdrew their consent to ours."""
    refusing = ConsentState.objects.filter(subject__in=ids, form__code=OWN, state__in=_NO)
    objecting = Objection.objects.in_force(now).filter(subject__in=ids, purpose__dpv_term__regex=_MARKETING)
    return {*refusing.values_list("subject", flat=True), *objecting.values_list("subject", flat=True)}
