"""What the officers' page about a person says of who got their data."""

from collections.abc import Iterator
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.names import actor_name
from subjects import subject_page
from subjects.enums import Disclosure
from subjects.models import DataSubject
from transfers import received
from transfers.models import Transfer

SHOWN = 10


def sendings(request: HttpRequest, subject: DataSubject, at: datetime | None) -> dict | None:
    """What was sent and what the gate answered last; withheld rows only with the right to see them."""
    if not request.user.has_perm("transfers.view_transfer"):
        return None
    withheld = request.user.has_perm("transfers.view_withheld_transfer")
    asked = Transfer.objects.filter(subject=subject).select_related("recipient", "purpose").order_by("-pk")
    sent = received.released(subject, withheld=withheld)
    if at:
        asked, sent = asked.filter(at__lte=at), sent.filter(at__lte=at)
    if not withheld:
        asked = asked.filter(disclosure=Disclosure.SUBJECT)
    return {
        "sent": received.in_words(sent[:SHOWN]),
        "asked": asked[:SHOWN],
    }


def sent(request: HttpRequest, subject: DataSubject, at: datetime | None) -> Iterator[subject_page.Happening]:
    """What left us, for the timeline; withheld rows only with the right to see them."""
    if not request.user.has_perm("transfers.view_transfer"):
        return
    rows = received.released(subject, withheld=request.user.has_perm("transfers.view_withheld_transfer"))
    for row in (rows.filter(at__lte=at) if at else rows).select_related("user")[: subject_page.SHOWN]:
        yield subject_page.Happening(
            row.at,
            _("Sent to: %(recipient)s") % {"recipient": row.transfer.recipient},
            actor_name(row.actor, row.user),
            str(row.transfer.purpose),
            reverse("admin:transfers_transfer_change", args=[row.transfer_id]),
        )


subject_page.HAPPENINGS.append(sent)
subject_page.PARTS.append(subject_page.Part(25, "admin/transfers/_of_person.html", sendings))
