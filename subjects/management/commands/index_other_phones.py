from django.core.management.base import BaseCommand
from django.db import transaction

from audit.actor import acting_as, command_actor
from subjects import recording
from subjects.models import DataSubject, PersonalData

BATCH = 500


class Command(BaseCommand):
    help = (
        "Find people's additional phones under a kind of their own, apart from the phone codes go to. Run again freely."
    )

    def handle(self, *args: object, **options: object) -> None:
        rows = PersonalData.objects.filter(category__code="contact_phones").order_by("subject").distinct()
        done = last = 0
        with acting_as(command_actor("index_other_phones")):
            while ids := list(rows.filter(subject__gt=last).values_list("subject", flat=True)[:BATCH]):
                with transaction.atomic():
                    for person in DataSubject.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
                        for category in ("contact_phones", "mobile_phone"):
                            recording.reindex(person, category=category)
                done, last = done + len(ids), ids[-1]
        self.stdout.write(f"{done} people with additional phones are indexed.")
