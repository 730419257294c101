"""Agreements: their files, and those about to end (policy 4.2)."""

import hashlib
from datetime import date, timedelta

from django.db import models
from django.utils import timezone

from consent.paper import MOST_BYTES as LARGEST
from consent.paper import media_type
from transfers.models import Agreement, AgreementFile

__all__ = ["LARGEST", "WARNING", "ending", "keep_file", "read_file"]
# how long before its end an agreement is spoken of
WARNING = timedelta(days=30)


def read_file(content: bytes) -> AgreementFile:
    """The unsaved row of an uploaded file; its type is told by its content, never by its name.

    Raises ValidationError with a sentence: over LARGEST bytes, neither PDF nor picture, not whole.
    """
    kind = media_type(content)
    return AgreementFile(
        sha256=hashlib.sha256(content).hexdigest(), media_type=kind, size=len(content), content=content
    )


def keep_file(file: AgreementFile) -> AgreementFile:
    """Keep it, unless the same bytes are kept already."""
    kept = AgreementFile.objects.defer("content").filter(sha256=file.sha256).first()
    if kept is None:
        file.save(force_insert=True)
        kept = file
    return kept


def ending(today: date | None = None) -> models.QuerySet[Agreement]:
    """Agreements in force whose last day comes within WARNING, the soonest first."""
    today = today or timezone.localdate()
    return (
        Agreement.objects.in_force()
        .filter(valid_to__gte=today, valid_to__lte=today + WARNING)
        .select_related("recipient")
        .order_by("valid_to", "pk")
    )
