"""What the consent app shows on the cabinet's home: changed policies and forms that wait for an answer."""

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent import grounds, kept_words
from consent.enums import ASKED, LIVE, POSTPONEMENTS, FormState, State
from consent.models import ConsentState, PurposeCategory
from consent.my_consents import ENDS_SOON
from consent.rules import pending
from subjects import cabinet
from subjects.models import DataSubject


def changed_policies(request: HttpRequest, subject: DataSubject) -> dict | None:
    """The versions to answer, or None when nothing waits."""
    waiting = pending(subject)
    return {"versions": [news.version for news in waiting]} if waiting else None


def asked_consents(request: HttpRequest, subject: DataSubject) -> dict | None:
    """The consents we asked for and those whose term ends soon, of forms still offered; one query."""
    now = timezone.now()
    asked = ConsentState.objects.filter(
        Q(state__in=[State.REQUESTED, State.REQUEST_DEFERRED])
        | Q(state__in=LIVE, last__kind__in=ASKED, postponed__lt=POSTPONEMENTS)
        | Q(state__in=LIVE, until__gt=now, until__lte=now + ENDS_SOON),
        subject=subject,
        form__versions__state=FormState.APPROVED,
        form__versions__in_force_during__contains=now,
    )
    rows = list(asked.select_related("form").order_by("form__order", "form__code", "scope"))
    return {"asked": rows} if rows else None


def about_values(subject: DataSubject) -> dict[str, list[tuple[str, list[str]]]]:
    """What for and until when, by category; constant queries however much is held."""
    wanted: dict[str, list[str]] = {}
    allowed = {reason.purpose.pk for reason in grounds.reasons(subject) if reason.allowed}
    cells = PurposeCategory.objects.in_force().filter(purpose__in=allowed).select_related("purpose", "category")
    for cell in cells.order_by("purpose__order", "purpose__code"):
        wanted.setdefault(cell.category.code, []).append(str(cell.purpose))
    told: dict[str, list[tuple[str, list[str]]]] = {
        code: [(gettext("What for"), list(dict.fromkeys(purposes)))] for code, purposes in wanted.items()
    }
    for line in kept_words.lines(subject):
        until = date_format(line.until, "DATE_FORMAT") if line.until else line.words
        told.setdefault(line.category.code, []).append((gettext("Kept until"), [until]))
    return told


cabinet.ABOUT_VALUES.append(about_values)
cabinet.PARTS.append(cabinet.Part(10, "cabinet/_changed_policies.html", changed_policies))
cabinet.PARTS.append(cabinet.Part(15, "cabinet/_consents_asked.html", asked_consents))
cabinet.LINKS.append(cabinet.Link(10, "consent:consents", _("My consents")))
cabinet.LINKS.append(cabinet.Link(20, "consent:answers", _("What I answered"), more=True))
cabinet.LINKS.append(cabinet.Link(22, "consent:kept", _("What you hold on me, and until when"), more=True))
