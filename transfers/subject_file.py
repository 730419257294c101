"""What the officers' page about a person says of who got their data."""

from django.http import HttpRequest

from subjects import subject_page
from subjects.enums import Disclosure
from subjects.models import DataSubject
from transfers import received
from transfers.models import Transfer

SHOWN = 10


def sendings(request: HttpRequest, subject: DataSubject) -> dict | None:
    """What was sent and what the gate answered last; withheld rows only with the right to see them."""
    if not request.user.has_perm("transfers.view_transfer"):
        return None
    withheld = request.user.has_perm("transfers.view_withheld_transfer")
    asked = Transfer.objects.filter(subject=subject).select_related("recipient", "purpose").order_by("-pk")
    if not withheld:
        asked = asked.filter(disclosure=Disclosure.SUBJECT)
    return {
        "sent": received.in_words(received.released(subject, withheld=withheld)[:SHOWN]),
        "asked": asked[:SHOWN],
    }


subject_page.PARTS.append(subject_page.Part(25, "admin/transfers/_of_person.html", sendings))
