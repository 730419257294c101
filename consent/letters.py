"""Letters about consents: each withdrawal and refusal is confirmed, the end of a term told in time (policy 7.1).

They name no contract, no amount and no recipient: a letter may be read by others. A form about recipients or reports
goes by its code alone.
"""

from django.utils.translation import gettext_lazy as _

from consent.acts import PERFORMED
from consent.enums import LIVE, Channel, EventKind, ScopeKind
from consent.models import ConsentEvent, ConsentForm, ConsentFormVersion, ConsentState
from notifications.ports import LetterKind
from notifications.services import write
from staff.models import Operator

WITHDRAWN, DEFERRED, REFUSED = "consent_withdrawn", "consent_withdrawal_deferred", "consent_refused"
EXPIRING, CONSENT_ASKED, CONSENT_REMINDED = "consent_expiring", "consent_asked", "consent_reminded"
TOLD = {
    EventKind.WITHDRAWN: WITHDRAWN,
    EventKind.WITHDRAWAL_DEFERRED: DEFERRED,
    EventKind.REFUSED: REFUSED,
    EventKind.REQUESTED: CONSENT_ASKED,
}
# the titles of other forms speak of recipients
NAMED = (ScopeKind.WHOLE, ScopeKind.CONTRACT, ScopeKind.DEVICE)
# what answers a question
ANSWERS = [kind for kind in EventKind if kind not in (EventKind.REQUESTED, EventKind.REQUEST_DEFERRED)]


def cause_of(event_id: int, kind: str) -> str:
    """What a letter about this event is caused by; unique with its addressee."""
    return f"consent.ConsentEvent:{event_id}#{kind}"


def tell(event: ConsentEvent) -> None:
    """Write the letter an event calls for, in its transaction: none for an import, for a device, for a declined paper.

    event: with `subject`.
    """
    kind = TOLD.get(EventKind(event.kind))
    declined = event.kind == EventKind.REQUESTED and event.about_id is not None
    if kind is None or event.subject is None or event.channel == Channel.IMPORTED or declined:
        return
    write(kind=kind, cause=cause_of(event.pk, kind), language=event.subject.language, subject_id=event.subject_id)


def _key_of(cause: str) -> tuple[str, int]:
    model, _colon, rest = cause.partition(":")
    return model, int(rest.partition("#")[0])


def version_of(cause: str) -> int | None:
    """The id of the version of a form that a campaign asks about; None for another cause."""
    model, pk = _key_of(cause)
    return pk if model == "consent.ConsentFormVersion" else None


def _event_of(cause: str) -> ConsentEvent:
    return ConsentEvent.objects.select_related("form").get(pk=_key_of(cause)[1])


def _operator(form: ConsentForm, language: str) -> dict:
    operator = Operator.current()
    titles = [getattr(form, f"title_{code}") for code in (language, "ru")] if form.scope_kind in NAMED else []
    title = next(filter(None, titles), "")
    return {
        "form": f"{title} ({form.code})" if title else form.code,
        "operator_name": operator.name(language) if operator else "",
        "operator_email": operator.email if operator else "",
    }


def context(cause: str, language: str) -> dict:
    """What the texts say: which form, when; no name, no contract, no recipient."""
    event = _event_of(cause)
    return {
        "happened_at": event.occurred_at,
        "ends_at": event.valid_until,
        "by_end_of_obligation": event.reason == PERFORMED,
        **_operator(event.form, language),
    }


def _asked_context(cause: str, language: str) -> dict:
    """Of one person who was asked, or of a campaign that asks many about a version of a form."""
    model, pk = _key_of(cause)
    if model == "consent.ConsentFormVersion":
        return _operator(ConsentFormVersion.objects.select_related("form").get(pk=pk).form, language)
    return context(cause, language)


def _still_ends(cause: str) -> bool:
    """Whether the consent still stands and its term is the one the letter speaks of."""
    return ConsentState.objects.filter(state__in=LIVE, until__isnull=False, given=_key_of(cause)[1]).exists()


def _still_asked(cause: str) -> bool:
    """Whether the version is still offered; of one person, whether they have not answered since."""
    model, pk = _key_of(cause)
    if model == "consent.ConsentFormVersion":
        return ConsentFormVersion.objects.in_force().filter(pk=pk).exists()
    event = _event_of(cause)
    later = ConsentEvent.objects.filter(
        subject=event.subject_id, form=event.form_id, scope=event.scope, pk__gt=event.pk, kind__in=ANSWERS
    )
    return not later.exists()


# an answer to the person's own act is no notice: what stops notices does not stop it
KINDS = (
    LetterKind(WITHDRAWN, context, notice=False, title=_("a consent is withdrawn")),
    LetterKind(DEFERRED, context, notice=False, title=_("a withdrawal waits for the obligation")),
    LetterKind(REFUSED, context, notice=False, title=_("a consent is refused")),
    LetterKind(EXPIRING, context, _still_ends, title=_("the term of a consent ends")),
    LetterKind(CONSENT_ASKED, _asked_context, _still_asked, title=_("a consent is asked for")),
    LetterKind(CONSENT_REMINDED, _asked_context, _still_asked, title=_("a reminder of a consent that was asked for")),
)
