"""The person's own phone and e-mail: changed by the person, confirmed on both sides (94-V art. 24; policy 7.1).

The old side confirms with a fresh code, the new one with a code of its own, and the old one is told afterwards.
"""

from typing import NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from notifications import sms
from notifications.services import write
from subjects import addresses, letters, ports, rules, services, sessions, sign_in, texts, vault
from subjects.enums import IndexKind, Source
from subjects.identifiers import normalise_email, normalise_phone
from subjects.models import (
    CabinetEvent,
    CodeChannel,
    CodeUse,
    DataSubject,
    PersonalData,
    SearchKey,
    SignInCode,
    TextMessage,
)

CATEGORY = {CodeChannel.EMAIL: addresses.CATEGORY, CodeChannel.SMS: texts.PHONE}
INDEX = {CodeChannel.EMAIL: IndexKind.EMAIL, CodeChannel.SMS: IndexKind.PHONE}


class Contacts(NamedTuple):
    """How letters and codes reach a person, masked: nothing is opened for it."""

    emails: list[str]
    phones: list[str]
    may_change_phone: bool


def of(subject: DataSubject) -> Contacts:
    """Masked hints of the person's e-mails and phones; one query."""
    rows = SearchKey.objects.filter(subject=subject, kind__in=INDEX.values()).order_by("pk")
    hints: dict[str, list[str]] = {IndexKind.EMAIL: [], IndexKind.PHONE: []}
    for kind, hint in rows.values_list("kind", "hint"):
        hints[kind].append(hint)
    return Contacts(hints[IndexKind.EMAIL], hints[IndexKind.PHONE], sms.channel() is not None)


def _check_is_open(subject: DataSubject) -> None:
    """The same as `rules.check_is_open`, said to the person."""
    if not rules.is_open(subject):
        raise ValidationError(
            _("Your data is blocked: nothing in it is changed until the blocking ends."), code="closed"
        )


def ask(*, subject: DataSubject, channel: str, text: str, address: str) -> SignInCode:
    """Send a code to the new phone or e-mail; nothing is changed until it is typed.

    channel: EMAIL or SMS. text: as typed. address: the visitor's. Raises ValidationError for what is no such thing,
    what the person has already, one that is said to reach a stranger, blocked data, too many asks (Limited).
    """
    channel = CodeChannel(channel)
    _check_is_open(subject)
    if channel == CodeChannel.SMS and sms.channel() is None:
        raise ValidationError(_("We send no SMS yet, so a new phone cannot be confirmed here."), code="no_sms")
    new = normalise_email(text) if channel == CodeChannel.EMAIL else normalise_phone(text).number
    held = {value.parts["value"] for value in addresses.held_by(subject, CATEGORY[channel])}
    if new.casefold() in {value.casefold() for value in held}:
        raise ValidationError(_("You have named this one already: it is yours here."), code="same")
    if addresses.disputed([new], INDEX[channel]):
        sentences = {
            CodeChannel.EMAIL: _(
                "A reader of this e-mail said that our letters reach a stranger. Name another, or write to us."
            ),
            CodeChannel.SMS: _("We were told that this phone is a stranger's. Name another, or write to us."),
        }
        raise ValidationError(sentences[channel], code="disputed")
    return sign_in.ask_known(
        subject=subject,
        use=CodeUse.CONTACT,
        channel=channel,
        address=address,
        sealed_address=texts.seal_new_address(subject, new),
    )


@transaction.atomic
def confirm(*, subject: DataSubject, handle: UUID, code: str, session_id: str) -> str | None:
    """Put the confirmed phone or e-mail in the place of the old one; the channel, or None when the code is not right.

    The old address is told, the person is found by the new one, other sessions end. session_id: of the one that acts.
    Raises ValidationError when the data was blocked meanwhile.
    """
    _check_is_open(subject)
    row = sign_in.redeem(handle=handle, code=code, use=CodeUse.CONTACT, subject=subject)
    if row is None or row.sealed_address is None:
        return None
    subject = DataSubject.objects.select_for_update().get(pk=subject.pk)
    _check_is_open(subject)
    row.subject = subject
    channel, new = CodeChannel(row.channel), texts.new_address(row)
    was = _put(subject, CATEGORY[channel], new)
    if channel == CodeChannel.EMAIL:
        services.address_changed(subject, was=was)
    else:
        addresses.reindex(subject, INDEX[channel])
        _tell_phone_changed(subject, was=was)
    CabinetEvent.objects.create(kind=CabinetEvent.Kind.CONTACT_CHANGED, subject=subject)
    sessions.end_all(subject=subject, but=session_id)
    return channel


def _put(subject: DataSubject, category: str, new: str) -> int | None:
    """Store the new value; the history row that holds the old one, None when there is none that may be told."""
    old = PersonalData.objects.newest(subject, category)
    if old is None:
        vault.store(subject=subject, category=category, parts={"value": new}, source=Source.CABINET, origin="subject")
        return None
    was = services.to_be_told(old)
    vault.change(value=old, parts={"value": new}, source=Source.CABINET, origin="subject")
    ports.corrected(subject, category)
    return was


def _tell_phone_changed(subject: DataSubject, *, was: int | None) -> None:
    """The old phone by SMS, and the e-mail by a letter: whoever took the one over has not got the other."""
    if was is None:
        return
    cause = f"subjects.HistoricalPersonalData:{was}#{letters.PHONE_CHANGED}"
    texts.write(kind=TextMessage.Kind.PHONE_CHANGED, cause=cause, language=subject.language, subject_id=subject.pk)
    write(kind=letters.PHONE_CHANGED, cause=cause, language=subject.language, subject_id=subject.pk)
