"""The cabinet's door: tries to sign in, and what happened there (policy 7.1)."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.models import Event


class CodeChannel(models.TextChoices):
    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")
    PAPER = "paper", _("paper")


class CodeUse(models.TextChoices):
    """What a code is for; one for one thing is none for another."""

    SIGN_IN = "sign_in", pgettext_lazy("code", "to sign in")
    STEP_UP = "step_up", pgettext_lazy("code", "to confirm an act")
    CONTACT = "contact", pgettext_lazy("code", "to a new phone or e-mail")


class SignInCode(models.Model):
    """A code that a person shall type. For an unknown person the same row is written, with no subject.

    The code is made by the sender while it renders the letter or SMS and kept here only as a keyed digest.
    """

    subject = models.ForeignKey(
        "subjects.DataSubject", models.PROTECT, null=True, related_name="sign_in_codes", db_index=False
    )
    # what the visitor's session holds; the code is bound to it
    handle = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    use = models.CharField(max_length=10, choices=CodeUse, default=CodeUse.SIGN_IN)
    channel = models.CharField(max_length=10, choices=CodeChannel, default=CodeChannel.EMAIL)
    # the new phone or e-mail it goes to, until it is confirmed (use: contact)
    sealed_address = models.BinaryField(null=True, editable=False)
    identifier_digest = models.BinaryField(max_length=16)
    address_digest = models.BinaryField(max_length=16)
    digest = models.BinaryField(max_length=32, null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    # the person has had enough letters with codes for now: nothing is sent, and the visitor is not told
    held_back = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("sign-in code")
        verbose_name_plural = _("sign-in codes")
        indexes = [
            models.Index(fields=["identifier_digest", "created_at"], name="subjects_code_by_identifier"),
            models.Index(fields=["address_digest", "created_at"], name="subjects_code_by_address"),
            models.Index(fields=["subject", "-id"], name="subjects_code_by_subject"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class CabinetEvent(Event):
    """What happened at the cabinet's door, and what the person did there that no other row tells."""

    class Kind(models.TextChoices):
        CODE_ASKED = "code_asked", _("a code was asked for")
        CODE_REFUSED = "code_refused", _("a wrong or old code")
        CODE_LIMITED = "code_limited", _("too many tries")
        PAPER_CODE = "paper_code", _("a code on paper was issued")
        SIGNED_IN = "signed_in", _("signed in")
        SIGNED_OUT = "signed_out", _("signed out")
        NOT_MINE = "not_mine", _("a letter reached a stranger")
        LANGUAGE = "language", _("the language of letters was chosen")
        CONFIRMED = "confirmed", _("confirmed with a fresh code")
        HANDED_OVER = "handed_over", _("came signed in from our site")
        SESSION_ENDED = "session_ended", _("a session was ended")
        CONTACT_ASKED = "contact_asked", _("another phone or e-mail was named")
        CONTACT_CHANGED = "contact_changed", _("the phone or e-mail was changed")
        NOT_ME = "not_me", _("the person signed in is somebody else")

    kind = models.CharField(_("what happened"), max_length=20, choices=Kind)
    subject = models.ForeignKey(
        "subjects.DataSubject",
        models.PROTECT,
        null=True,
        related_name="cabinet_events",
        verbose_name=_("data subject"),
        db_index=False,
    )
    address_digest = models.BinaryField(max_length=16, null=True)

    class Meta(Event.Meta):
        verbose_name = _("cabinet event")
        verbose_name_plural = _("cabinet events")
        indexes = [models.Index(fields=["subject", "at"], name="subjects_cabinet_by_subject")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} № {self.pk}"
