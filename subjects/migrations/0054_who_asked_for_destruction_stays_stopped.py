"""Whose destruction was granted: the use of their data is stopped, whatever their standing has become (ADR 21)."""

from django.db import migrations

from audit.actor import acting_as, because


def stop(apps, schema_editor):
    requests = apps.get_model("subjects", "SubjectRequest").objects.filter(
        kinds__contains=["destroy"], state__in=["RequestAccepted", "RequestFulfilled"], subject__use_stopped_at=None
    )
    with acting_as("migration:subjects.0052"), because("restricted_on_request"):
        for request in requests.exclude(refusals__has_key="destroy").select_related("subject").order_by("-pk"):
            subject = request.subject
            subject.use_stopped_at = request.approved_at
            if subject.standing == "ordinary":
                subject.standing = "restricted"
            subject.save(update_fields=["use_stopped_at", "standing"])


class Migration(migrations.Migration):
    dependencies = [("subjects", "0053_stopped_whatever_the_standing")]

    operations = [migrations.RunPython(stop, migrations.RunPython.noop)]
