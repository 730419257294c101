"""What the consent app tells in the subject file: why we may, until when, and what the person said (94-V art. 24)."""

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import past
from audit.names import reason_name
from consent import grounds, kept_words, ledger
from consent.enums import Ground, State
from consent.models import (
    Acknowledgement,
    ConsentEvent,
    ConsentForm,
    FormServed,
    NoticeServed,
    Objection,
    Purpose,
    Scan,
)
from consent.scope_words import Scopes
from staff.citations import cited
from subjects.subject_file import LEFT_OUT, NOTHING, SECTIONS, Cell, Reading, Section, Table, choice, day, text, when

# consent.grounds.Reason.code as the person is told it
WHY = {
    "law": _("a law demands it"),
    "notice": _("the law asks for a notice, not for a consent"),
    "depersonalised": _("with depersonalised data only"),
    "consent": _("consent"),
    "no_consent": _("no consent"),
    "not_named": _("the text you accepted does not name it in your language"),
    "deferred": _("withdrawn: the loan does not need it, so it has stopped"),
    "objected": _("you objected"),
    "open_ended": _("not specific enough for any ground"),
    "blocked": _("everything is stopped: data blocked or erased"),
    "restricted": _("use stopped: only what a law demands goes on"),
}


def _law(article: str) -> Cell:
    """A citation: in words, and as the register keeps it."""
    return Cell(cited(article), article) if article else text("")


def purposes(reading: Reading) -> Table:
    """Every purpose of ours: whether we pursue it with this person's data, and on what ground."""
    scopes = Scopes.of(reading.subject)
    columns = {
        "purpose": _("Purpose"), "pursued": _("With your data"), "why": _("Ground"), "article": _("Article"),
        "consent": _("Consent"), "since": _("Since"),
    }  # fmt: skip
    found = []
    for reason in grounds.reasons(reading.subject, reading.at):
        purpose, standing = reason.purpose, reason.standing
        consented = reason.code == Ground.CONSENT
        about = [part for part in (reason.form, scopes.in_words(reason.scope)) if part]
        found.append(
            [
                Cell(str(purpose), purpose.code),
                Cell(gettext("used") if reason.allowed else gettext("not used"), reason.allowed),
                Cell(str(WHY[reason.code]), reason.code),
                # an article that counsel has not confirmed is told to nobody outside (DESIGN 5)
                _law(purpose.article if purpose.confirmed_by_counsel else ""),
                text(", ".join(about) if consented else ""),
                day(standing.since if standing and consented else None),
            ]
        )
    return Table(columns, found)


def kept(reading: Reading) -> Table:
    """How long each category is kept, by the longest rule that applies."""
    columns = {
        "category": _("Data category"), "count": _("values"), "until": _("Kept until"), "rule": _("By which rule"),
        "reference": _("Legal reference"),
    }  # fmt: skip
    found = []
    for line in kept_words.lines(reading.subject, at=reading.at):
        rule = line.rule
        found.append(
            [
                Cell(reading.category(line.category.code), line.category.code),
                Cell(number_format(line.count), line.count),
                day(line.until) if line.until else Cell(line.words, {"why": line.why.value}),
                Cell(rule.title or rule.code, rule.code) if rule else text(None),
                _law(rule.reference if rule and line.is_confirmed else ""),
            ]
        )
    return Table(columns, found)


def consents(reading: Reading) -> Table:
    """How each consent the person was asked for stands."""
    scopes, forms = Scopes.of(reading.subject), _forms(reading)
    columns = {
        "form": _("Form"), "about": _("About"), "state": _("State"), "since": _("Since"), "until": _("Until"),
    }  # fmt: skip
    found = []
    for (code, scope), standing in sorted(ledger.standings(reading.subject, reading.at).items()):
        state = State(standing.state)
        found.append(
            [
                Cell(forms.get(code, code), code), _about(scopes, scope), Cell(str(state.label), state.value),
                day(standing.since), day(standing.until),
            ]
        )  # fmt: skip
    words = gettext("A consent counts from the moment it was given, also where it was written down later.")
    return Table(columns, found, (words,) if found else ())


def acts(reading: Reading) -> Table:
    """Everything that happened to consents, oldest first."""
    scopes, forms = Scopes.of(reading.subject), _forms(reading)
    rows = ConsentEvent.objects.filter(subject=reading.subject, **reading.until("occurred_at"))
    rows = rows.select_related("form", "version").defer("sealed_evidence").order_by("occurred_at", "pk")
    columns = {
        "form": _("Form"), "about": _("About"), "what": _("what happened"), "at": _("happened at"),
        "recorded": _("recorded at"), "channel": _("channel"), "version": _("version"), "language": _("language"),
        "why": _("reason"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                Cell(forms.get(row.form.code, row.form.code), row.form.code), _about(scopes, row.scope),
                choice(row, "kind"), when(row.occurred_at), when(row.at), choice(row, "channel"),
                Cell(str(row.version.number), row.version.number) if row.version else text(None),
                choice(row, "language"), Cell(reason_name(row.reason) or NOTHING, row.reason or None),
            ]
            for row in rows
        ],
    )  # fmt: skip


def shown(reading: Reading) -> Table:
    """Which texts of forms the person was shown: the digest says which words exactly."""
    forms = _forms(reading)
    rows = FormServed.objects.filter(subject=reading.subject, **reading.until()).order_by("pk")
    columns = {
        "form": _("Form"), "version": _("version"), "language": _("language"), "at": _("shown at"),
        "sha256": _("SHA-256 of the text shown"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                Cell(forms.get(row.version.form.code, row.version.form.code), row.version.form.code),
                Cell(str(row.version.number), row.version.number), choice(row, "language"), when(row.at),
                text(row.sha256),
            ]
            for row in rows.select_related("version__form")
        ],
    )  # fmt: skip


def scans(reading: Reading) -> Table:
    """Signed papers that are kept as a scan."""
    rows = Scan.objects.filter(subject=reading.subject, **reading.until()).defer("sealed").order_by("pk")
    columns = {
        "at": _("kept since"), "type": _("type"), "size": _("size in bytes"), "sha256": _("SHA-256"),
    }  # fmt: skip
    return Table(
        columns,
        [[when(r.at), text(r.media_type), Cell(number_format(r.size), r.size), text(r.sha256)] for r in rows],
    )


def notices(reading: Reading) -> Table:
    """Which versions of the policy the person was shown, and what they answered."""
    found = []
    for row in _of_policy(NoticeServed, reading):
        found.append((row, Cell(gettext("shown"), "shown")))
    for row in _of_policy(Acknowledgement, reading):
        found.append((row, choice(row, "answer")))
    columns = {
        "policy": _("Policy"), "version": _("version"), "what": _("what happened"), "language": _("language"),
        "at": _("at"),
    }  # fmt: skip
    return Table(
        columns,
        [
            [
                Cell(str(row.version.policy), row.version.policy.code),
                Cell(str(row.version.number), row.version.number), what,
                choice(row, "language"), when(row.at),
            ]
            for row, what in sorted(found, key=lambda pair: (pair[0].at, pair[0].pk))
        ],
    )  # fmt: skip


def _of_policy(model: type[NoticeServed] | type[Acknowledgement], reading: Reading) -> list:
    return list(model.objects.filter(subject=reading.subject, **reading.until()).select_related("version__policy"))


def objections(reading: Reading) -> Table:
    """Uses the person said no to."""
    now, titles = reading.at or timezone.now(), past.by_id(Purpose, reading.at)
    columns = {"purpose": _("Purpose"), "since": _("since"), "until": _("until")}
    found = []
    for row in past.rows(Objection, reading.at, subject=reading.subject):
        since, until = row.in_force_during.lower, row.in_force_during.upper
        if since <= now:
            purpose = titles[row.purpose_id]
            found.append(
                [Cell(str(purpose), purpose.code), when(since), when(until if until and until <= now else None)]
            )
    return Table(columns, found)


def _forms(reading: Reading) -> dict[str, str]:
    """{code: code and title} of the forms as they were called then."""
    return {row.code: f"{row.code} {row.title or row.title_ru}" for row in past.by_id(ConsentForm, reading.at).values()}


def _about(scopes: Scopes, scope: str) -> Cell:
    return Cell(scopes.in_words(scope) or gettext("everything"), scope or "everything")


SECTIONS += [
    Section(5, "purposes", _("What your data is used for, and on what ground"), (), purposes),
    Section(20, "kept", _("How long data is processed and kept"), (), kept),
    Section(50, "consents", _("Your consents"), (), consents),
    Section(52, "consent_acts", _("What happened to your consents"), ("consent.ConsentEvent",), acts),
    Section(54, "forms_shown", _("Texts of consents you were shown"), ("consent.FormServed",), shown),
    Section(55, "scans", _("Scans of signed papers"), ("consent.Scan",), scans),
    Section(
        56, "notices", _("Changes of the policy: what you were shown and answered"),
        ("consent.NoticeServed", "consent.Acknowledgement"), notices,
    ),
    Section(58, "objections", _("Uses you objected to"), ("consent.Objection",), objections),
]  # fmt: skip
LEFT_OUT |= {
    "consent.ConsentState": "derived from the events that stand in `consent_acts`; told in `consents`",
    "consent.Change": "tells our systems what the events say that stand in `consent_acts`",
}
