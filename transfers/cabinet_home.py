"""What the transfers app shows on the cabinet's home."""

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from subjects import cabinet, duplicates
from subjects.models import DataSubject
from transfers.enums import Verdict
from transfers.models import BatchRow
from transfers.models.batches import Act, BatchKind


def assignments(request: HttpRequest, subject: DataSubject) -> dict | None:
    """Claims against the person that are going to be assigned, or were: to whom, by which act (56-V art. 9-1).

    Of all their files: the cabinet of a person known twice opens by the one that leads.
    """
    rows = BatchRow.objects.filter(
        subject__in=duplicates.files_at(subject, None),
        decision=Verdict.ALLOW,
        batch__kind=BatchKind.CESSION,
        batch__act__in=[Act.ANNOUNCED, Act.RUNNING, Act.DONE],
    )
    rows = rows.select_related("batch__recipient", "contract", "outcome").order_by("-pk")
    shown = [
        {"row": row, "assigned": hasattr(row, "outcome") and row.outcome.assigned}
        for row in rows
        # of one that was not assigned in the end, nothing is left to tell
        if not hasattr(row, "outcome") or row.outcome.assigned
    ]
    return {"assignments": shown} if shown else None


cabinet.PARTS.append(cabinet.Part(18, "cabinet/_assignments.html", assignments))
cabinet.LINKS.append(cabinet.Link(17, "transfers:received", _("Who received my data")))
