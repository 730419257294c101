"""What the database refuses whoever asks: the ORM, raw SQL, and a session that told pgtrigger to look away."""

from contextlib import contextmanager
from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.actor import acting_as
from policies import services
from policies.enums import State
from policies.models import Clause, Finding, PolicySource, PolicyVersion
from policies.triggers import CONTENT
from staff.models import StaffUser
from tests.policies.factories import (
    FILLED,
    approved_version,
    approver,
    author,
    draft,
    mighty,
    policy,
    published_version,
)
from tests.staff.factories import StaffUserFactory, as_officer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, params=[False, True], ids=["", "pgtrigger.ignore"])
def _looking_away(request):
    """Every refusal holds when the session asked pgtrigger to skip its triggers."""
    if request.param:
        names = ("four_eyes", "frozen_version", "frozen_clauses", "step_by_step", "no_gap")
        tables = [m._meta.db_table for m in (PolicyVersion, Clause, PolicySource, Finding)]
        every = ",".join([*names, *(f"{table}:{name}" for table in tables for name in names)])
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{every}}}"])


@contextmanager
def refused(constraint: str):
    """The database refuses what is inside, by this constraint or trigger; nothing of it stays."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    assert caught.value.__cause__.diag.constraint_name == constraint, caught.value


def sql(statement: str, *params) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def update(version: PolicyVersion, **values) -> None:
    PolicyVersion.objects.filter(pk=version.pk).update(**values)


# one other value of everything that is approved beside the text
TERMS = {
    "order_number": "13-Ө",
    "order_date": date(2026, 11, 2),
    "scope_kk": "Өзге.",
    "scope_ru": "Иное.",
    "prevailing": "kk",
    "significant": True,
    "significance_reason_kk": "Өзге.",
    "significance_reason_ru": "Иное.",
    "change_summary_kk": "Өзге.",
    "change_summary_ru": "Иное.",
    "change_summary_en": "Other.",
}


def submitted_after(writer: StaffUser, **terms) -> PolicyVersion:
    """A version in review whose text a first officer wrote and submitted, and only these terms another one."""
    first = author()
    version = draft(by=first)
    with as_officer(writer):
        services.save_draft(version, by=writer, values=terms)
    with as_officer(first):
        return services.submit(version, by=first)


def draft_of_another_policy() -> PolicyVersion:
    first = author()
    version = draft(by=first, policy=policy("other"))
    with as_officer(first):
        return services.submit(version, by=first)


def as_if_written_by(officer: StaffUser, version: PolicyVersion) -> None:
    """A row of history as an older release would have let it come about; a session of a superuser's looks away."""
    history = version.history.model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {history} DISABLE TRIGGER USER")
        row = version.history.order_by("history_id").last()
        row.pk, row.scope_ru, row.history_user_id = None, "Иное.", officer.pk
        row.save(force_insert=True)
        cursor.execute(f"ALTER TABLE {history} ENABLE TRIGGER USER")


@pytest.fixture
def in_review() -> PolicyVersion:
    officer = author()
    version = draft(by=officer)
    with as_officer(officer):
        return services.submit(version, by=officer)


class TestFourEyes:
    def test_the_submitter_cannot_sign_as_approver(self):
        version, colleague = draft(by=author()), author()
        with as_officer(colleague):
            services.submit(version, by=colleague)
        with as_officer(colleague), refused("policies_four_eyes"):
            update(version, state="approved", approved_by=colleague, approved_at=timezone.now())

    def test_who_wrote_a_clause_cannot_sign_as_approver(self):
        writer, colleague = author(), author()
        version = draft(by=writer)
        with as_officer(colleague):
            version = services.submit(version, by=colleague)
        with as_officer(writer), refused("policies_author_approves"):
            update(version, state="approved", approved_by=writer, approved_at=timezone.now())

    def test_every_term_is_tried_below(self):
        assert set(TERMS) == set(CONTENT) - {"policy_id", "number"}

    @pytest.mark.parametrize("field", TERMS)
    def test_who_wrote_only_one_of_the_terms_cannot_sign_as_approver(self, field):
        writer = mighty()
        version = submitted_after(writer, **{field: TERMS[field]})
        with as_officer(writer), refused("policies_author_approves"):
            update(version, state="approved", approved_by=writer, approved_at=timezone.now())
        with as_officer(writer), refused("policies_author_approves"):
            sql(
                "UPDATE policies_policyversion SET state = 'approved', approved_by_id = %s, approved_at = now()"
                " WHERE id = %s",
                writer.pk,
                version.pk,
            )

    def test_a_term_written_by_raw_sql_is_written_too(self):
        writer, first = mighty(), author()
        version = draft(by=first)
        with as_officer(writer):
            sql("UPDATE policies_policyversion SET change_summary_ru = 'Иное.' WHERE id = %s", version.pk)
        with as_officer(first):
            sql("UPDATE policies_policyversion SET change_summary_ru = 'Третье.' WHERE id = %s", version.pk)
            version = services.submit(version, by=first)
        with as_officer(writer), refused("policies_author_approves"):
            update(version, state="approved", approved_by=writer, approved_at=timezone.now())

    def test_who_changed_only_a_file_cannot_sign_as_approver(self):
        writer, first = mighty(), author()
        version = draft(by=first)
        with as_officer(writer):
            version.sources.filter(language="ru").update(filename="other.md")
        with as_officer(first):
            version = services.submit(version, by=first)
        with as_officer(writer), refused("policies_author_approves"):
            update(version, state="approved", approved_by=writer, approved_at=timezone.now())

    def test_in_whose_name_a_command_wrote_cannot_sign_as_approver(self):
        named, first = mighty(), author()
        version = draft(by=first)
        with acting_as("command:import_policy@root", reason=f"by.officer.{named.pk}"):
            update(version, scope_ru="Иное.")
        with as_officer(first):
            version = services.submit(version, by=first)
        with as_officer(named), refused("policies_author_approves"):
            update(version, state="approved", approved_by=named, approved_at=timezone.now())

    def test_who_looked_wrote_a_note_or_asked_for_changes_may_sign(self):
        first, second = author(), mighty()
        version = draft(by=first)
        with as_officer(second):
            services.save_draft(version, by=second, values=dict(FILLED))  # the form saved as it was
            services.save_draft(version, by=second, values={"note": "Прочёл."})
        with as_officer(first):
            version = services.submit(version, by=first)
        with as_officer(second):
            version = services.request_changes(version, by=second, what="Точнее.")
        with as_officer(first):
            version = services.submit(version, by=first)
        with as_officer(second):
            update(version, state="approved", approved_by=second, approved_at=timezone.now())
        with as_officer(second):
            assert services.publish(version, by=second).published_by == second

    def test_writing_another_version_takes_nothing_from_an_approver(self):
        second = mighty()
        submitted_after(second, scope_ru="Иное.")
        other = draft_of_another_policy()
        with as_officer(second):
            update(other, state="approved", approved_by=second, approved_at=timezone.now())

    def test_a_published_version_closes_whoever_wrote_its_terms(self):
        """Versions approved before the terms counted must still end when their successor begins."""
        old = published_version()
        as_if_written_by(old.approved_by, old)
        new = published_version(ru="# П\n\n1.1. Новое.\n", kk="# С\n\n1.1. Жаңа.\n")
        old.refresh_from_db()
        assert old.in_force_during.upper == new.in_force_during.lower

    def test_an_approved_version_has_an_approver(self, in_review):
        with as_officer(approver()), refused("policies_four_eyes"):
            sql("UPDATE policies_policyversion SET state = 'approved' WHERE id = %s", in_review.pk)

    def test_who_and_when_are_a_pair(self, in_review):
        second = approver()
        with as_officer(second), refused("policies_version_approved_at_and_by"):
            update(in_review, state="approved", approved_by=second)

    @pytest.mark.parametrize("acting", ["somebody else", "job:night", "the submitter"])
    def test_nobody_signs_for_somebody_else(self, in_review, acting):
        second = approver()
        actors = {
            "somebody else": f"officer:{approver().pk}",
            "the submitter": f"officer:{in_review.submitted_by_id}",
        }
        with acting_as(actors.get(acting, acting)), refused("policies_own_signature"):
            update(in_review, state="approved", approved_by=second, approved_at=timezone.now())

    def test_nobody_submits_in_the_name_of_a_colleague(self):
        first, colleague = author(), author()
        version = draft(by=first)
        with as_officer(first), refused("policies_own_signature"):
            update(version, state="in_review", submitted_by=colleague, submitted_at=timezone.now())

    def test_a_draft_keeps_no_approval_for_another_text(self):
        version, _second = approved_version()
        with as_officer(version.submitted_by), refused("policies_no_stale_signature"):
            update(version, state="draft")

    def test_what_is_in_review_keeps_no_approval(self):
        version, second = approved_version()
        first = version.submitted_by
        with as_officer(second):
            services.request_changes(version, by=second, what="…")
        with as_officer(second), refused("policies_no_stale_signature"):
            update(version, approved_by=second, approved_at=timezone.now())
        with as_officer(first):
            assert services.submit(version, by=first).approved_by is None


class TestSteps:
    JUMPS = [
        (State.DRAFT, State.APPROVED),
        (State.DRAFT, State.PUBLISHED),
        (State.IN_REVIEW, State.PUBLISHED),
        (State.IN_REVIEW, State.ARCHIVED),
        (State.APPROVED, State.IN_REVIEW),
        (State.APPROVED, State.ARCHIVED),
        (State.ARCHIVED, State.DRAFT),
    ]

    @pytest.mark.parametrize(("source", "target"), JUMPS)
    def test_no_step_is_jumped_over(self, source, target):
        officer, second = author(), approver()
        version = draft(by=officer)
        with as_officer(officer):
            if source == State.ARCHIVED:
                services.archive(version, by=officer)
            elif source != State.DRAFT:
                services.submit(version, by=officer)
        if source == State.APPROVED:
            with as_officer(second):
                services.approve(version, by=second)
        with as_officer(second), refused("policies_steps"):
            sql("UPDATE policies_policyversion SET state = %s WHERE id = %s", target, version.pk)

    def test_a_version_is_born_a_draft(self):
        policy = draft(by=author()).policy
        officer = author()
        with as_officer(officer), refused("policies_steps"):
            PolicyVersion.objects.create(policy=policy, number=7, state="archived")

    def test_publishing_needs_the_publisher_and_a_moment(self):
        version, second = approved_version()
        with as_officer(second), refused("policies_published_has_range"):
            update(version, state="published")


class TestFrozen:
    FIELDS = {
        **FILLED,
        "order_number": "13",
        "order_date": "2027-01-01",
        "prevailing": "kk",
        "significant": True,
        "change_summary_en": "Another.",
        "number": 9,
    }

    @pytest.mark.parametrize("name", FIELDS)
    def test_what_is_being_approved_does_not_change(self, in_review, name):
        value = self.FIELDS[name]
        value = f"{value}!" if value == FILLED.get(name) else value
        with refused("policies_frozen"):
            update(in_review, **{name: value})

    @pytest.mark.parametrize("name", ["significant", "change_summary_kk"])
    def test_nor_what_is_approved_or_published(self, name):
        for version in (approved_version()[0], published_version(ru="# П\n\n1.1. А.\n", kk="# С\n\n1.1. Ә.\n")):
            with refused("policies_frozen"):
                update(version, **{name: None if name == "significant" else "другое"})

    @pytest.mark.parametrize("model", [Clause, PolicySource, Finding])
    def test_its_texts_files_and_findings_are_neither_changed_nor_added_nor_deleted(self, model):
        officer = author()
        version = draft(by=officer)
        Finding.objects.create(version=version, code="STRUCTURE", severity="warning")
        with as_officer(officer):
            services.submit(version, by=officer)
        row = model.objects.filter(version=version).first()
        table = model._meta.db_table
        column = {Clause: "text_ru", PolicySource: "sha256", Finding: "code"}[model]
        with refused("policies_frozen"):
            model.objects.filter(pk=row.pk).update(**{column: "x"})
        with refused("policies_frozen"):
            sql(f"UPDATE {table} SET {column} = 'x' WHERE id = %s", row.pk)
        with refused("policies_frozen"):
            row.delete()
        with refused("policies_frozen"):
            sql(f"DELETE FROM {table} WHERE version_id = %s", version.pk)
        row.pk = None
        for field in ("key", "language"):
            if hasattr(row, field):
                setattr(row, field, "en")
        if model is Clause:
            row.order = 99
        with refused("policies_frozen"):
            model.objects.bulk_create([row])

    def test_no_clause_moves_into_a_frozen_version_or_out_of_it(self, in_review):
        other = PolicyVersion.objects.create(
            policy=type(in_review.policy).objects.create(code="other", title="Other"), number=1
        )
        loose = Clause.objects.create(version=other, key="x", kind="clause", order=50)
        with refused("policies_frozen"):
            Clause.objects.filter(pk=loose.pk).update(version=in_review)
        with refused("policies_frozen"):
            Clause.objects.filter(version=in_review, key="1.1").update(version=other)

    def test_a_draft_is_open_and_may_be_deleted(self):
        version = draft(by=author())
        Clause.objects.filter(version=version, key="1.1").update(text_ru="Иначе.")
        version.delete()
        assert not Clause.objects.exists()

    def test_nothing_but_a_draft_is_deleted(self, in_review):
        with refused("policies_frozen"):
            sql("DELETE FROM policies_policyversion WHERE id = %s", in_review.pk)


class TestNothingIsUnpublished:
    @pytest.mark.parametrize(
        "change",
        [
            "state = 'approved', in_force_during = NULL, published_by_id = NULL, published_at = NULL",
            "in_force_during = tstzrange(lower(in_force_during) + interval '1 day', NULL)",
            "in_force_during = 'empty'",
            "published_at = now() - interval '1 year'",
        ],
    )
    def test_a_published_version_stays(self, change):
        version = published_version()
        with as_officer(version.published_by), pytest.raises(IntegrityError), transaction.atomic():
            sql(f"UPDATE policies_policyversion SET {change} WHERE id = %s", version.pk)

    @pytest.mark.parametrize("end", ["clock_timestamp()", "now() + interval '1 day'"])
    def test_it_does_not_end_without_a_successor(self, end):
        version = published_version()
        with refused("policies_no_gap"):
            sql(
                f"UPDATE policies_policyversion SET in_force_during = tstzrange(lower(in_force_during), {end})"
                " WHERE id = %s",
                version.pk,
            )

    def test_an_end_is_said_once(self):
        first = published_version()
        published_version(ru="# П\n\n1.1. А.\n", kk="# С\n\n1.1. Ә.\n")
        with refused("policies_frozen"):
            sql(
                "UPDATE policies_policyversion SET in_force_during = tstzrange(lower(in_force_during), NULL)"
                " WHERE id = %s",
                first.pk,
            )

    def test_two_versions_are_never_in_force_at_once(self):
        published_version()
        version, second = approved_version(ru="# П\n\n1.1. А.\n", kk="# С\n\n1.1. Ә.\n")
        with as_officer(second), refused("policies_one_in_force"):
            sql(
                "UPDATE policies_policyversion SET state = 'published', published_by_id = %s, published_at = now(),"
                " in_force_during = tstzrange(now(), NULL) WHERE id = %s",
                second.pk,
                version.pk,
            )


def test_one_policy_has_one_draft():
    version = draft(by=author())
    with refused("policies_one_draft"):
        PolicyVersion.objects.create(policy=version.policy, number=2)


def test_a_stranger_with_sql_leaves_a_trace_or_nothing():
    version = draft(by=author())
    outsider = StaffUserFactory()
    with as_officer(outsider):
        sql("UPDATE policies_clause SET text_ru = 'подмена' WHERE version_id = %s AND key = '1.1'", version.pk)
    row = Clause.history.filter(version=version, key="1.1").latest("history_id")
    assert (row.actor, row.text_ru) == (f"officer:{outsider.pk}", "подмена")
