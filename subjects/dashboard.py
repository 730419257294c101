"""What the officers' home says about people."""

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from audit.home import FACTS, NEEDS, Fact, Need
from subjects.models import DataSubject, ImportState, SubjectImport, Task


def tasks_that_wait(request: HttpRequest) -> list[Need]:
    """Open tasks, and imports that need mending."""
    found = []
    if request.user.has_perm("subjects.change_task"):
        count = Task.objects.filter(closed_at=None).count()
        if count:
            url = reverse("admin:subjects_task_changelist") + "?closed_at__isnull=True"
            found.append(Need(_("Letters reached strangers: find the right e-mails"), url, count))
    if request.user.has_perm("subjects.import_subjects"):
        refused = SubjectImport.objects.filter(
            started_by=request.user, state__in=[ImportState.REFUSED, ImportState.FAILED]
        )
        newest = refused.defer("sealed_file").first()
        later = newest and SubjectImport.objects.filter(pk__gt=newest.pk, started_by=request.user).exists()
        if newest and not later:
            url = reverse("admin:subjects_subjectimport_change", args=[newest.pk])
            found.append(Need(_("Your import was not taken in: mend the file"), url))
    return found


def people(request: HttpRequest) -> list[Fact]:
    """About how many people there are: PostgreSQL's own estimate, exact while it is small (DESIGN 6)."""
    if not request.user.has_perm("subjects.view_datasubject"):
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [DataSubject._meta.db_table])
        (count,) = cursor.fetchone()
    if count < 100_000:
        count = DataSubject.objects.count()
    url = reverse("admin:subjects_datasubject_changelist")
    return [Fact(_("People we hold data on"), number_format(count, force_grouping=True), url)]


NEEDS.append(tasks_that_wait)
FACTS.append(people)
