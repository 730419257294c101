"""What the end of the main consent does to a person: use of their data stops, and goes on when it is given again."""

from simple_history.utils import get_history_manager_for_model

from audit.actor import because
from consent.enums import GROUNDS, EventKind, State
from consent.models import ConsentEvent, ConsentState
from consent.models.events import CONSENTING
from subjects import ports
from subjects.enums import Standing
from subjects.models import DataSubject
from subjects.request_acts import BLOCKED, RESTRICTED

# the consent nearly every use rests on, and what ends it
MAIN_FORM = "C1"
_STOPS = (EventKind.WITHDRAWN, EventKind.EXPIRED, EventKind.REVOKED)
_ENDED = {State.WITHDRAWN, State.EXPIRED, State.REVOKED}
STOPPED, RESUMED = "consent_withdrawn", "consent_given"


def keep_standing(row: ConsentState, event: ConsentEvent) -> None:
    """Stop the use of a person's data when the last C1 of theirs ends, and let it go on when one is given (DESIGN 5).

    What a rule keeps is kept, restricted. Nothing is lifted that somebody restricted for another reason.
    """
    if row.subject is None or row.form.code != MAIN_FORM or event.kind not in (*CONSENTING, *_STOPS):
        return
    # after its own row: two C1 that end at once wait for each other here, and the second sees the first
    person = DataSubject.objects.select_for_update(no_key=True).get(pk=row.subject.pk)
    ground = ConsentState.objects.filter(subject=person, form=row.form_id, state__in=GROUNDS).exists()
    if not ground and event.kind in _STOPS and person.standing == Standing.ORDINARY:
        standing, reason = Standing.RESTRICTED, STOPPED
    elif ground and _may_go_on(person):
        standing, reason = Standing.ORDINARY, RESUMED
    else:
        return
    with because(reason):
        person.standing = standing
        person.save(update_fields=["standing"])
    for handler in ports.on_standing_changed:
        handler(person)


def stop_again(person: DataSubject) -> None:
    """Stop who is ordinary again, because a blocking ended or they came of age, while something stopped the use of
    their data beneath the other standing (ADR 21).

    Called before the standing is told, which tells what it is then.
    """
    if person.standing != Standing.ORDINARY:
        return
    standing, reason = Standing.RESTRICTED, RESTRICTED
    if person.blocked_at is not None:
        standing, reason = Standing.BLOCKED, BLOCKED
    elif person.use_stopped_at is None:
        states = set(ConsentState.objects.filter(subject=person, form__code=MAIN_FORM).values_list("state", flat=True))
        if states & GROUNDS or not states & _ENDED:
            return
        reason = STOPPED
    with because(reason):
        person.standing = standing
        person.save(update_fields=["standing"])


def _may_go_on(person: DataSubject) -> bool:
    """Whether nothing but the end of the main consent stopped the use."""
    restricted = person.standing == Standing.RESTRICTED and person.use_stopped_at is None
    return restricted and _restricted_because(person) == STOPPED


def _restricted_because(person: DataSubject) -> str | None:
    """The reason code of the change that restricted the person; a blocking meanwhile changes nothing of it."""
    history = get_history_manager_for_model(DataSubject).filter(id=person.pk)
    rows = history.filter(standing=Standing.RESTRICTED)
    kept = (Standing.RESTRICTED, Standing.BLOCKED)
    before = history.exclude(standing__in=kept).order_by("-history_id").first()
    if before is not None:
        rows = rows.filter(history_id__gt=before.history_id)
    first = rows.order_by("history_id").first()
    return first.history_change_reason if first else None
