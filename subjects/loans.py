"""Applications and contracts as the loan system tells them; a contract that ends releases what waited for it."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from subjects import ports
from subjects.models import Application, Contract, DataSubject
from subjects.obligations import ApplicationState, ContractState


@transaction.atomic
def record_application(
    *, subject: DataSubject, number: str, state: str = ApplicationState.APPLIED, at: datetime | None = None
) -> Application:
    """Write down how an application stands since `at` (aware datetime, now by default); the same again changes nothing.

    Raises ValidationError when the number is another person's, or when the change happened before the last one known:
    two messages that overtook each other on their way must not put an older state over a newer one.
    """
    moment = at or timezone.now()
    row, new = Application.objects.select_for_update().get_or_create(
        number=number, defaults={"subject": subject, "state": state, "applied_at": moment, "state_since": moment}
    )
    if row.subject_id != subject.pk:
        raise ValidationError({"number": _("Another data subject has the application with this number.")})
    if not new and row.state != state:
        if moment < row.state_since:
            raise ValidationError({"at": _("This application changed later than that already.")})
        row.state, row.state_since = ApplicationState(state).value, moment
        row.save(update_fields=["state", "state_since"])
    return row


@transaction.atomic
def record_contract(
    *,
    subject: DataSubject,
    number: str,
    state: str = ContractState.OPENED,
    at: datetime | None = None,
    application: Application | None = None,
) -> Contract:
    """Write down how a contract stands since `at`; its end releases deferred withdrawals at once (94-V art. 8(2)).

    Raises ValidationError when the number is another person's, or when the change happened before the last one known.
    """
    moment = at or timezone.now()
    row, new = Contract.objects.select_for_update(of=("self",)).get_or_create(
        number=number,
        defaults={
            "subject": subject,
            "application": application,
            "state": state,
            "opened_at": moment,
            "state_since": moment,
            **_dates(state, moment),
        },
    )
    if row.subject_id != subject.pk:
        raise ValidationError({"number": _("Another data subject has the contract with this number.")})
    was_open = row.is_open
    if not new and row.state != state:
        if moment < row.state_since:
            raise ValidationError({"at": _("This contract changed later than that already.")})
        row.state, row.state_since = ContractState(state).value, moment
        row.performed_at = row.overdue_since = None
        for field, value in _dates(state, moment).items():
            setattr(row, field, value)
        row.save(update_fields=["state", "state_since", "performed_at", "overdue_since"])
    if new or row.is_open != was_open:
        for handler in ports.on_obligation_began if row.is_open else ports.on_obligation_ended:
            handler(row)
    return row


def _dates(state: str, moment: datetime) -> dict[str, datetime]:
    if state == ContractState.PERFORMED:
        return {"performed_at": moment}
    return {"overdue_since": moment} if state == ContractState.OVERDUE else {}
