"""What the officers' home says about people."""

from django.db import connection
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from audit.home import FACTS, NEEDS, Fact, Need
from staff.models import StaffUser
from subjects import calendar_days, deadlines, denylist, request_queues
from subjects.models import (
    AmlEntry,
    AutomatedDecision,
    DataSubject,
    Death,
    DenylistEntry,
    IinCorrection,
    ImportState,
    LegalHold,
    SubjectImport,
    SubjectRequest,
    Task,
    Verification,
)
from subjects.restraints import Denied


def tasks_that_wait(request: HttpRequest) -> list[Need]:
    """Open tasks, and imports that need mending."""
    found = []
    if request.user.has_perm("subjects.change_task"):
        waiting = dict(Task.objects.filter(closed_at=None).values_list("kind").annotate(Count("pk")).order_by())
        labels = {
            Task.Kind.NOT_ME: _("Strangers were let into cabinets: find out whose phones and e-mails these are"),
            Task.Kind.DISPUTED_PHONE: _("Codes reached strangers: find the right phones"),
            Task.Kind.DISPUTED_ADDRESS: _("Letters reached strangers: find the right e-mails"),
        }
        for kind, label in labels.items():
            if count := waiting.get(kind):
                url = reverse("admin:subjects_task_changelist") + f"?closed_at__isnull=True&kind__exact={kind}"
                found.append(Need(label, url, count))
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


def restraints_that_wait(request: HttpRequest) -> list[Need]:
    """Values that differ, entries and disputes of the denylist, reviews that people asked for."""
    today, user, found = timezone.localdate(), request.user, []
    mine = _of_colleagues(DenylistEntry, user)
    asked = AutomatedDecision.objects.filter(review_asked_at__isnull=False, reviewed_at=None)
    queues = (
        ("decide_verification", Verification.objects.filter(result="mismatch", decided_at=None),
         _("Values differ from what others have: decide which is right"),
         "verification", "?result__exact=mismatch&decided_at__isnull=True"),
        ("approve_denylistentry", mine, _("The denylist: approve or decline what a colleague proposed"),
         "denylistentry", "?review=waiting"),
        ("add_denylistentry", DenylistEntry.objects.in_force().filter(review_on__lte=today),
         _("The denylist: review entries whose day has come"), "denylistentry", "?review=due"),
        ("decide_denialdispute", denylist.disputes_for(user),
         _("People dispute that they are on the denylist"), "denialdispute", "?decided_at__isnull=True"),
        ("review_automateddecision", asked, _("People ask a human to look at an automated decision"),
         "automateddecision", "?reviewed_at__isnull=True&review_asked_at__isnull=False"),
        ("approve_iincorrection", IinCorrection.objects.filter(approved_at=None, declined_at=None)
         .exclude(proposed_by=user), _("IINs: a colleague proposes to correct them"),
         "iincorrection", "?approved_at__isnull=True&declined_at__isnull=True"),
        ("undo_death", Death.objects.filter(undo_proposed_at__isnull=False, undone_at=None)
         .exclude(undo_proposed_by=user), _("Deaths: a colleague says that they were recorded by mistake"),
         "death", "?undone_at__isnull=True&undo_proposed_at__isnull=False"),
        ("lift_legalhold", LegalHold.objects.filter(lift_proposed_at__isnull=False, lifted_at=None)
         .exclude(lift_proposed_by=user), _("Legal holds: a colleague proposes to lift them"),
         "legalhold", "?lifted_at__isnull=True"),
    )  # fmt: skip
    for right, rows, label, page, query in queues:
        if user.has_perm(f"subjects.{right}") and (count := rows.count()):
            found.append(Need(label, reverse(f"admin:subjects_{page}_changelist") + query, count))
    return found


def disputes_that_press(request: HttpRequest) -> list[Need]:
    """Disputes about the denylist whose term is over or ends today."""
    if not request.user.has_perm("subjects.view_denialdispute"):
        return []
    url = reverse("admin:subjects_denialdispute_changelist")
    queues = (
        (_("Disputes about the denylist whose term is over"), deadlines.overdue()),
        (_("Disputes about the denylist due today"), request_queues.today()),
    )
    mine = denylist.unanswered_for(request.user)
    counted = [(label, request_queues.late(mine, clocks).count()) for label, clocks in queues]
    return [Need(label, url, count, urgent=True) for label, count in counted if count]


def monitoring_that_waits(request: HttpRequest) -> list[Need]:
    """Financial monitoring: what waits for who may approve, what is to be reviewed for who may propose as well.

    Without these rights nothing is asked of that table (DESIGN 4).
    """
    user, today = request.user, timezone.localdate()
    approves = user.has_perm("subjects.approve_amlentry")
    queues = (
        (approves, _of_colleagues(AmlEntry, user),
         _("Financial monitoring: approve or decline what a colleague proposed"), "?review=waiting"),
        (approves or user.has_perm("subjects.add_amlentry"), AmlEntry.objects.in_force().filter(review_on__lte=today),
         _("Financial monitoring: review entries whose day has come"), "?review=due"),
    )  # fmt: skip
    url = reverse("admin:subjects_amlentry_changelist")
    counted = [(label, query, rows.count()) for may, rows, label, query in queues if may]
    return [Need(label, url + query, count) for label, query, count in counted if count]


def _of_colleagues(model: type[Denied], user: StaffUser) -> QuerySet:
    """What waits for a second person and was not proposed by this one, an end as a beginning."""
    proposals = model.objects.waiting().exclude(in_force_during=None, proposed_by=user)
    return proposals.exclude(in_force_during__isnull=False, closing_proposed_by=user)


def requests_that_wait(request: HttpRequest) -> list[Need]:
    """Requests of people by their terms: late, due today, due soon, and decisions that wait for a second person."""
    user = request.user
    if not user.has_perm("subjects.handle_subjectrequest"):
        return []
    queues = [
        ("overdue", _("Requests whose term is over"), True),
        ("today", _("Requests due today"), True),
        ("soon", _("Requests due within two working days"), False),
        ("unknown", _("Requests of people we have not established yet"), False),
    ]
    if user.has_perm("subjects.approve_subjectrequest"):
        queues.append(("second", _("Requests: approve or send back what a colleague proposed"), False))
    seen, url = SubjectRequest.objects.seen_by(user), reverse("admin:subjects_subjectrequest_changelist")
    counted = [(name, text, urgent, request_queues.queue(name, seen, by=user).count()) for name, text, urgent in queues]
    return [Need(text, f"{url}?queue={name}", count, urgent) for name, text, urgent, count in counted if count]


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


def years_without_calendar(request: HttpRequest) -> list[Need]:
    """This year and the next one, while the calendar of working days does not cover them (law.md 4)."""
    if not request.user.has_perm("subjects.change_calendarday"):
        return []
    url = reverse("admin:subjects_calendarday_changelist")
    return [
        Need(_("The calendar of working days does not cover %(year)s") % {"year": year}, url, urgent=True)
        for year in calendar_days.missing()
    ]


NEEDS.append(tasks_that_wait)
NEEDS.append(years_without_calendar)
NEEDS.append(requests_that_wait)
NEEDS.append(disputes_that_press)
NEEDS.append(restraints_that_wait)
NEEDS.append(monitoring_that_waits)
FACTS.append(people)
