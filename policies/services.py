"""The verbs of a policy version: import, submit, ask for changes, approve, publish, give up (policy 9.2)."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from simple_history.utils import get_history_manager_for_model

from notifications import services as outgoing
from notifications.models import Letter
from policies import letters, rules
from policies.enums import State
from policies.markdown import BadPolicyFile, Problem, parse
from policies.models import Clause, Finding, Policy, PolicySource, PolicyVersion
from policies.pairing import KnownClause, Pairing, pair
from policies.rules import NotAllowed
from staff.models import StaffUser


class Overtaken(NotAllowed):
    """Somebody else changed the version meanwhile; nothing of this attempt was written."""


class SourceFile(NamedTuple):
    """A file as it was uploaded."""

    name: str
    content: bytes


def _database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def _locked(version: PolicyVersion) -> PolicyVersion:
    """The version as it is now, and nobody else at it; the policy's row is the lock for all its versions."""
    Policy.objects.select_for_update().get(pk=version.policy_id)
    return PolicyVersion.objects.select_related("policy").select_for_update(of=("self",)).get(pk=version.pk)


def _known(policy: Policy) -> list[KnownClause]:
    """The clauses a new text may keep: those of the last version on its way or published, then of drafts after it."""
    last = policy.versions.exclude(state__in=[State.ARCHIVED, State.DRAFT]).order_by("-number").first()
    after = policy.versions.filter(number__gt=last.number if last else 0).order_by("-number")
    known: dict[str, KnownClause] = {}
    for version in [*([last] if last else []), *after]:
        for clause in version.clauses.all():
            known.setdefault(
                clause.key,
                KnownClause(
                    key=clause.key,
                    number=clause.number,
                    kind=clause.kind,
                    parent_key=clause.parent_key or None,
                    texts={code: clause.text(code) for code in ("kk", "ru", "en") if clause.text(code)},
                ),
            )
    return list(known.values())


def read_files(*, policy: Policy, files: Mapping[str, SourceFile]) -> Pairing:
    """Parse and pair the files of a version without writing anything.

    files: {language: file}; Kazakh and Russian required. Raises BadPolicyFile with every problem found.
    """
    documents, problems = {}, []
    for language, file in files.items():
        try:
            documents[language] = parse(file.content)
        except BadPolicyFile as error:
            problems += [Problem(0, f"{file.name}: {problem}") for problem in error.problems]
    if problems:
        raise BadPolicyFile(problems)
    # from history: a key that a replaced draft gave away is not given to another clause either
    written = get_history_manager_for_model(Clause).filter(version__policy=policy)
    return pair(documents, _known(policy), set(written.values_list("key", flat=True)))


@transaction.atomic
def import_version(
    *,
    policy: Policy,
    files: Mapping[str, SourceFile],
    by: StaffUser | None,
    note: str = "",
    replace_draft: bool = False,
) -> PolicyVersion:
    """Make the next draft of `policy` from numbered Markdown; the bytes are kept, each with its SHA-256.

    Raises BadPolicyFile (the files), NotAllowed (a draft exists, or is being approved).
    """
    if not {"kk", "ru"} <= set(files):
        raise NotAllowed(_("A policy is imported in Kazakh and in Russian."), code="languages")
    Policy.objects.select_for_update().get(pk=policy.pk)
    draft = policy.versions.filter(state__in=[State.DRAFT, State.IN_REVIEW]).first()
    if draft is not None and draft.state == State.IN_REVIEW:
        raise NotAllowed(
            _("Version %(number)s is being approved. Ask for changes there before importing another text."),
            code="in_review",
            params={"number": draft.number},
        )
    if draft is not None and not replace_draft:
        raise NotAllowed(
            _("Version %(number)s is a draft already. Replace it on purpose, or give it up first."),
            code="draft_exists",
            params={"number": draft.number},
        )
    pairing = read_files(policy=policy, files=files)
    if draft is None:
        last = policy.versions.aggregate(last=Max("number"))["last"] or 0
        draft = PolicyVersion(policy=policy, number=last + 1, note=note, created_by=by)
        draft.clean_fields(exclude=["created_by"])  # a note too long is a sentence, not a DataError
        draft.save()
    else:
        for related in (draft.clauses, draft.sources, draft.findings):
            related.all().delete()
        if note:
            draft.note = note
            draft.clean_fields(exclude=["created_by"])
            draft.save(update_fields=["note"])
    PolicySource.objects.bulk_create(
        PolicySource(
            version=draft,
            language=language,
            filename=file.name[-200:],
            content=file.content,
            sha256=hashlib.sha256(file.content).hexdigest(),
        )
        for language, file in sorted(files.items())
    )
    Clause.objects.bulk_create(
        Clause(
            version=draft,
            key=clause.key,
            kind=clause.kind,
            number=clause.number,
            parent_key=clause.parent_key or "",
            order=clause.order,
            **{f"text_{language}": text for language, text in clause.texts.items()},
        )
        for clause in pairing.clauses
    )
    Finding.objects.bulk_create(
        Finding(
            version=draft,
            code=finding.code,
            severity=finding.severity,
            clause_key=finding.clause or "",
            languages=list(finding.languages),
            params=finding.params,
        )
        for finding in pairing.findings
    )
    return draft


def mark_of(version: PolicyVersion) -> str:
    """What a page carries to know later whether the version is still the one it showed: the last history rows."""
    row = get_history_manager_for_model(PolicyVersion).filter(id=version.pk).aggregate(last=Max("history_id"))
    text = get_history_manager_for_model(Clause).filter(version_id=version.pk).aggregate(last=Max("history_id"))
    return f"{row['last'] or 0}.{text['last'] or 0}"


def _check_seen(version: PolicyVersion, seen: str | None) -> None:
    if seen is not None and seen != mark_of(version):
        raise Overtaken(
            _("This version changed while you were looking at it, so nothing was done. Look again, then decide."),
            code="overtaken",
        )


@transaction.atomic
def save_draft(
    version: PolicyVersion, *, by: StaffUser, values: Mapping[str, Any], seen: str | None = None
) -> PolicyVersion:
    """Write what is approved beside the text. values: {field: value}; seen: `mark_of` the version as it was shown.

    Raises NotAllowed (no draft any more), Overtaken (somebody else changed it meanwhile: nothing is overwritten).
    """
    version = _locked(version)
    rules.check_may_edit(version, by=by)
    _check_seen(version, seen)
    for name, value in values.items():
        setattr(version, name, value)
    version.save(update_fields=list(values))
    return version


@transaction.atomic
def submit(version: PolicyVersion, *, by: StaffUser, seen: str | None = None) -> PolicyVersion:
    """Ask a second person to approve; from here on the content is frozen. Raises NotAllowed, Overtaken."""
    version = _locked(version)
    _check_seen(version, seen)
    rules.check_may_submit(version, by=by)
    version.state = State.IN_REVIEW
    version.submitted_at, version.submitted_by = _database_now(), by
    version.save(update_fields=["state", "submitted_at", "submitted_by"])
    return version


@transaction.atomic
def request_changes(version: PolicyVersion, *, by: StaffUser, what: str, seen: str | None = None) -> PolicyVersion:
    """Send the version back to its author, saying what to change. Raises NotAllowed, Overtaken."""
    version = _locked(version)
    _check_seen(version, seen)
    rules.check_may_request_changes(version, by=by)
    if not what.strip():
        raise NotAllowed(_("Say what is to be changed."), code="reason")
    version.state = State.DRAFT
    version.changes_requested_at, version.changes_requested_by = _database_now(), by
    version.changes_requested = what.strip()
    version.approved_at = version.approved_by = None
    version.submitted_at = version.submitted_by = None
    version.save()
    return version


@transaction.atomic
def approve(version: PolicyVersion, *, by: StaffUser, seen: str | None = None) -> PolicyVersion:
    """The second pair of eyes. Raises NotAllowed, Overtaken; the database refuses whatever a rule let slip.

    seen: `mark_of` the version as the approver read it, so that nobody approves a text exchanged meanwhile.
    """
    version = _locked(version)
    _check_seen(version, seen)
    rules.check_may_approve(version, by=by)
    version.state = State.APPROVED
    version.approved_at, version.approved_by = _database_now(), by
    version.save(update_fields=["state", "approved_at", "approved_by"])
    return version


@transaction.atomic
def publish(
    version: PolicyVersion, *, by: StaffUser, at: datetime | None = None, seen: str | None = None
) -> PolicyVersion:
    """Put the version in force now, or from the moment `at` (policy 9.2), and close its predecessor at that instant.

    A significant version makes its campaign in this same transaction. Nothing is ever unpublished: a mistake is
    mended by a new version. Raises NotAllowed, Overtaken.
    """
    version = _locked(version)
    _check_seen(version, seen)
    rules.check_may_publish(version, by=by, at=at)
    now = _database_now()
    start = at or now
    open_ended = PolicyVersion.objects.published().filter(policy=version.policy_id, in_force_during__endswith=None)
    for predecessor in open_ended.select_for_update():
        predecessor.in_force_during = DateTimeTZRange(predecessor.in_force_during.lower, start)
        predecessor.save(update_fields=["in_force_during"])
    version.state = State.PUBLISHED
    version.published_at, version.published_by = now, by
    version.in_force_during = DateTimeTZRange(start, None)
    version.save(update_fields=["state", "published_at", "published_by", "in_force_during"])
    if version.significant:
        letters.announce(version)
    return version


@transaction.atomic
def send_test(version: PolicyVersion, *, by: StaffUser, language: str, at: datetime | None = None) -> Letter:
    """Send to `by`, and to nobody else, the letter that publishing the version for the moment `at` would send.

    at: None for now. Raises NotAllowed (not to be published, no letters), notifications' NotAllowed (no e-mail).
    """
    rules.check_may_schedule(version, by=by)
    if not version.significant:
        raise NotAllowed(_("No letters are sent: the change is not especially significant."), code="no_letters")
    return outgoing.send_test(kind=letters.KIND, cause=letters.cause_of(version, at=at), by=by, language=language)


@transaction.atomic
def archive(version: PolicyVersion, *, by: StaffUser, seen: str | None = None) -> PolicyVersion:
    """Give a draft up; it stays readable for officers. Raises NotAllowed, Overtaken."""
    version = _locked(version)
    _check_seen(version, seen)
    rules.check_may_archive(version, by=by)
    version.state = State.ARCHIVED
    version.save(update_fields=["state"])
    return version


def in_force(*, policy: str, at: datetime | None = None) -> PolicyVersion | None:
    """The version of the policy with this code in force at `at` (now by default), with its policy."""
    return (
        PolicyVersion.objects.in_force(at or timezone.now())
        .filter(policy__code=policy)
        .select_related("policy")
        .first()
    )
