"""What belongs to a request: work in systems, files, comments, the plan of a destruction (94-V art. 24)."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.models import Event
from subjects.requests import RequestKind, SubjectRequest, at_moment, by_staff

REQUEST = pgettext_lazy("of a person", "request")


class RequestItem(models.Model):
    """What has to be done before a request is answered: in a system that holds data, or by a duty of our own."""

    # not "request": its column would be the `request_id` of its own history
    subject_request = models.ForeignKey(
        SubjectRequest, models.PROTECT, related_name="items", verbose_name=REQUEST, db_index=False
    )
    kind = models.CharField(_("what to do"), max_length=20, choices=RequestKind)
    system = models.ForeignKey(
        "subjects.SourceSystem", models.PROTECT, null=True, related_name="request_items", verbose_name=_("system")
    )
    sealed_comment = models.BinaryField(_("What was done"), null=True, editable=False)
    done_by, done_at = by_staff(_("done by")), at_moment(_("done at"))

    class Meta:
        verbose_name = _("work for a request")
        verbose_name_plural = _("work for requests")
        constraints = [
            models.CheckConstraint(
                condition=Q(done_by=None, done_at=None) | Q(done_by__isnull=False, done_at__isnull=False),
                name="subjects_request_item_done_at_and_by",
            ),
            models.UniqueConstraint(
                fields=["subject_request", "kind", "system"], nulls_distinct=False, name="subjects_request_item_once"
            ),
        ]

    def __str__(self) -> str:
        return f"№ {self.pk}"


class RequestFile(Event):
    """A file of a request, sealed with the person's evidence key: what was handed in, what shows that work was done.

    There is no kind for a copy of an identity document: copies may not be demanded since 11.02.2024.
    """

    class Kind(models.TextChoices):
        LETTER = "letter", pgettext_lazy("request file", "the request itself, on paper")
        EVIDENCE = "evidence", pgettext_lazy("request file", "what supports the request")
        POWER = "power_of_attorney", pgettext_lazy("request file", "power of attorney")
        WORK = "work", pgettext_lazy("request file", "what shows that the work was done")
        ANSWER = "answer", pgettext_lazy("request file", "part of the answer")

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    # not "request": its column would be the event's own `request_id`
    subject_request = models.ForeignKey(
        SubjectRequest, models.PROTECT, related_name="files", verbose_name=REQUEST, db_index=False
    )
    item = models.ForeignKey(
        RequestItem, models.PROTECT, null=True, related_name="files", verbose_name=_("work for a request")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    media_type = models.CharField(_("type"), max_length=40)
    size = models.PositiveIntegerField(_("size in bytes"))
    sealed = models.BinaryField(_("sealed content"))

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("file of a request")
        verbose_name_plural = _("files of requests")
        indexes = [models.Index(fields=["subject_request", "id"], name="subjects_request_files")]

    def __str__(self) -> str:
        return f"№ {self.pk}"


class RequestNote(Event):
    """What colleagues tell each other about a request: sealed, never shown to the person."""

    subject_request = models.ForeignKey(SubjectRequest, models.PROTECT, related_name="notes", verbose_name=REQUEST)
    sealed = models.BinaryField(_("sealed content"))

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("comment on a request")
        verbose_name_plural = _("comments on requests")

    def __str__(self) -> str:
        return f"№ {self.pk}"


class PlannedDestruction(Event):
    """When what a granted request to destroy names will be destroyed, by category and rule; the act comes later.

    until: the last day a law or rule keeps it; None while an obligation or a hold has no end. It is looked at again
    on that day: whoever destroys trusts no plan.
    """

    subject_request = models.ForeignKey(SubjectRequest, models.PROTECT, related_name="plan", verbose_name=REQUEST)
    category = models.ForeignKey(
        "subjects.DataCategory", models.PROTECT, related_name="+", verbose_name=_("data category")
    )
    count = models.PositiveIntegerField(_("values"))
    rule = models.CharField(_("retention rule"), max_length=60, blank=True)
    confirmed = models.BooleanField(_("confirmed by counsel"))
    until = models.DateField(_("kept until"), null=True)
    # a hold the person may know of keeps it; a check by a state body and financial monitoring are never said here
    held = models.BooleanField(_("under a legal hold"), default=False)

    class Meta(Event.Meta):
        abstract = False
        verbose_name = _("planned destruction")
        verbose_name_plural = _("planned destructions")
        ordering = ["pk"]
        indexes = [models.Index(fields=["until"], name="subjects_plan_by_day")]

    def __str__(self) -> str:
        return f"№ {self.pk}"
