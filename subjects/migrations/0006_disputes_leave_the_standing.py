"""What was a standing becomes a disputed address: the person gets back the standing they had before (ADR 7)."""

from django.db import migrations

from audit.actor import acting_as


def move(apps, schema_editor):
    models = {
        name: apps.get_model("subjects", name)
        for name in ("DataSubject", "HistoricalDataSubject", "Task", "PersonalData", "SearchKey", "DisputedAddress")
    }
    with acting_as("migration:subjects.0006"):
        for task in models["Task"].objects.filter(kind="disputed_address", closed_at=None):
            value = models["PersonalData"].objects.filter(subject=task.subject_id, category__code="email").last()
            key = models["SearchKey"].objects.filter(subject=task.subject_id, kind="email").last()
            if value and key:
                models["DisputedAddress"].objects.get_or_create(
                    value=value, defaults={"task": task, "digest": key.digest, "since": task.opened_at}
                )
        for subject in models["DataSubject"].objects.filter(standing="disputed_address"):
            history = models["HistoricalDataSubject"].objects.filter(id=subject.pk)
            before = history.exclude(standing="disputed_address").order_by("-history_id").first()
            subject.standing = before.standing if before else "ordinary"
            subject.save(update_fields=["standing"])


class Migration(migrations.Migration):
    dependencies = [("subjects", "0005_disputed_addresses")]

    operations = [migrations.RunPython(move, migrations.RunPython.noop)]
