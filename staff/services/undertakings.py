"""The confidentiality undertaking: published by version, accepted by each member of staff (policy 4.3)."""

import hashlib

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.actor import acting_as
from staff.models import StaffUser, Undertaking, UndertakingAcceptance
from staff.rules import check_may_publish_undertaking


class NewerUndertaking(ValidationError):
    """A newer text was published while the officer was reading: they are shown that one (409)."""


@transaction.atomic
def publish_undertaking(*, text_kk: str, text_ru: str, text_en: str = "", by: StaffUser | None) -> Undertaking:
    """Add the next version; from this moment everybody has to accept it before they see anything else.

    Raises NotAllowed, ValidationError for a missing text.
    """
    check_may_publish_undertaking(by=by)
    current = Undertaking.objects.current()
    undertaking = Undertaking(
        version=current.version + 1 if current else 1, text_kk=text_kk, text_ru=text_ru, text_en=text_en
    )
    undertaking.full_clean()
    undertaking.save()
    return undertaking


@transaction.atomic
def accept_undertaking(*, user: StaffUser, language: str, version_expected: int) -> UndertakingAcceptance:
    """Record that the officer accepted the text they were shown; accepting twice is accepting once.

    language: the one the text was shown in. version_expected: the number that stood on the page. The acceptance holds
    the SHA-256 of exactly that text (UTF-8). Raises NewerUndertaking, ValidationError for a language without text.
    """
    current = Undertaking.objects.current()
    if current is None or current.version != version_expected:
        raise NewerUndertaking(_("A newer text was published while you were reading. Please read this one."))
    text, shown_in = current.text(language)
    if shown_in != language:
        raise ValidationError(_("This undertaking has no text in that language."))
    with acting_as(f"officer:{user.pk}"):
        accepted = UndertakingAcceptance.objects.filter(user=user, undertaking=current).first()
        return accepted or UndertakingAcceptance.objects.create(
            undertaking=current, language=language, sha256=hashlib.sha256(text.encode()).hexdigest()
        )
