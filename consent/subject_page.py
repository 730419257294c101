"""What the officers' page about a person says of their answers and consents."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from audit.names import actor_name, reason_name
from consent import grounds, kept_words, known_twice, ledger, rules
from consent.derivation import Standing
from consent.enums import State
from consent.models import Acknowledgement, ConsentEvent, ConsentForm, ConsentFormVersion, NoticeServed
from consent.scope_words import Scopes
from subjects import subject_page
from subjects.enums import Standing as PersonStanding
from subjects.models import DataSubject

SHOWN = 20
# consent.grounds.Reason.code in words
WHY = {
    "law": gettext_lazy("a law demands it"),
    "notice": gettext_lazy("the law asks for a notice, not for a consent"),
    "depersonalised": gettext_lazy("with depersonalised data only"),
    "consent": gettext_lazy("consent"),
    "no_consent": gettext_lazy("no consent"),
    "not_named": gettext_lazy("the text the person accepted does not name it in their language"),
    "deferred": gettext_lazy("withdrawn: the loan does not need it, so it has stopped"),
    "objected": gettext_lazy("the person objected"),
    "open_ended": gettext_lazy("not specific enough for any ground"),
    "blocked": gettext_lazy("everything is stopped: data blocked or erased"),
    "restricted": gettext_lazy("use stopped: only what a law demands goes on"),
}


def answers(request: HttpRequest, subject: DataSubject, at: datetime | None) -> dict | None:
    """What the person was shown last and what they answered, newest first."""
    if not request.user.has_perm("consent.view_acknowledgement"):
        return None
    until = {"at__lte": at} if at else {}
    given = Acknowledgement.objects.filter(subject=subject, **until).select_related("version__policy").order_by("-pk")
    served = NoticeServed.objects.filter(subject=subject, **until).select_related("version__policy").order_by("-pk")
    return {"answers": given[:SHOWN], "served": served.first()}


def _rows(subject: DataSubject, at: datetime | None, scopes: Scopes) -> list[dict]:
    """Every form offered then or spoken of by then, once for each thing it was about."""
    found = ledger.standings(subject, at)
    offered = set(ConsentFormVersion.objects.in_force(at).values_list("form__code", flat=True))
    forms = ConsentForm.objects.filter(code__in=offered | {code for code, _scope in found})
    rows = []
    for form in sorted(forms, key=lambda form: (form.order, len(form.code), form.code)):
        about = sorted(scope for code, scope in found if code == form.code) or [""]
        for scope in about:
            standing = found.get((form.code, scope), Standing())
            rows.append(
                {"form": form, "about": scopes.in_words(scope), "state": State(standing.state), "standing": standing}
            )
    return rows


def consents(request: HttpRequest, subject: DataSubject, at: datetime | None) -> dict | None:
    """How the person's consents stand and what may be done on what ground, now or at the moment."""
    if not request.user.has_perm("consent.view_consentstate"):
        return None
    scopes = Scopes.of(subject)
    events = ConsentEvent.objects.filter(subject=subject).select_related("form", "version", "user")
    if at:
        events = events.filter(occurred_at__lte=at)
    return {
        "subject": subject,
        "rows": _rows(subject, at, scopes),
        "reasons": [
            {"reason": reason, "why": WHY[reason.code], "about": scopes.in_words(reason.scope)}
            for reason in grounds.reasons(subject, at)
        ],
        "restricted": subject.standing == PersonStanding.RESTRICTED,
        "events": [
            {
                "event": event,
                "about": scopes.in_words(event.scope),
                "who": actor_name(event.actor, event.user),
                "why": reason_name(event.reason),
            }
            for event in events.order_by("-occurred_at", "-pk")[:SHOWN]
        ],
        "may_record": at is None and rules.may_record(request.user),
        "may_confirm": rules.may_open_scan(by=request.user),
        "may_see_events": request.user.has_perm("consent.view_consentevent"),
    }


def differences(request: HttpRequest, subject: DataSubject, at: datetime | None) -> dict | None:
    """What the files of a person known twice say differently now; nothing when they say the same."""
    if at is not None or not request.user.has_perm("consent.view_consentstate"):
        return None
    rows = known_twice.differences(subject)
    return {**told(rows), "subject": subject, "may_settle": known_twice.may_settle(request.user)} if rows else None


def told(found: Sequence[known_twice.Difference]) -> dict:
    """What the table of differences shows: each with what the consent is about, in words."""
    scopes = {one.goes_on_in: Scopes.of(one.goes_on_in) for one in found if one.said}
    return {"rows": [(one, scopes[one.goes_on_in].in_words(one.said.scope) if one.said else "") for one in found]}


def kept(request: HttpRequest, subject: DataSubject, at: datetime | None) -> dict | None:
    """Until when each category of the person's data is kept, and by which rule; nothing of it is opened."""
    if not request.user.has_perm("consent.view_retentionrule"):
        return None
    lines = kept_words.lines(subject, at=at, withheld=request.user.has_perm("subjects.view_withheld"))
    return {"lines": lines, "last": kept_words.last_of(lines)}


def said(request: HttpRequest, subject: DataSubject, at: datetime | None) -> Iterator[subject_page.Happening]:
    """Acts of consents for the timeline, and answers to changes of the policy."""
    if request.user.has_perm("consent.view_consentevent"):
        rows = ConsentEvent.objects.filter(subject=subject, **({"occurred_at__lte": at} if at else {}))
        rows = rows.select_related("form", "user").defer("sealed_evidence").order_by("-occurred_at", "-pk")
        for event in rows[:SHOWN]:
            yield subject_page.Happening(
                event.occurred_at,
                f"{event.form.code}: {event.get_kind_display()}",
                actor_name(event.actor, event.user),
                reason_name(event.reason),
                reverse("admin:consent_consentevent_change", args=[event.pk]),
            )
    if request.user.has_perm("consent.view_acknowledgement"):
        answered = Acknowledgement.objects.filter(subject=subject, **({"at__lte": at} if at else {}))
        for answer in answered.select_related("version__policy", "user").order_by("-pk")[:SHOWN]:
            yield subject_page.Happening(
                answer.at,
                f"{answer.version}: {answer.get_answer_display()}",
                actor_name(answer.actor, answer.user),
                "",
                reverse("admin:consent_acknowledgement_change", args=[answer.pk]),
            )


subject_page.HAPPENINGS.append(said)
subject_page.PARTS.append(subject_page.Part(4, "admin/consent/_known_twice.html", differences))
subject_page.PARTS.append(subject_page.Part(5, "admin/consent/_kept.html", kept))
subject_page.PARTS.append(subject_page.Part(10, "admin/consent/_consents.html", consents))
subject_page.PARTS.append(subject_page.Part(20, "admin/consent/_answers.html", answers))
