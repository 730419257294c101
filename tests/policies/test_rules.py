"""Which step is open in which state, to whom, and that the sentence says why not."""

import itertools

import pytest
from django.db import transaction
from django.utils import translation

from policies import rules, services
from policies.enums import State
from policies.models import PolicyVersion
from policies.rules import NotAllowed
from staff.roles import ROLES
from tests.policies.factories import FILLED, approved_version, approver, author, draft, mighty, published_version
from tests.staff.factories import StaffUserFactory, as_officer, permit

pytestmark = pytest.mark.django_db

VERBS = {
    "submit": services.submit,
    "request_changes": lambda version, *, by: services.request_changes(version, by=by, what="Уточните."),
    "approve": services.approve,
    "publish": services.publish,
    "archive": services.archive,
}
ALLOWED = {
    (State.DRAFT, "submit"): State.IN_REVIEW,
    (State.DRAFT, "archive"): State.ARCHIVED,
    (State.IN_REVIEW, "approve"): State.APPROVED,
    (State.IN_REVIEW, "request_changes"): State.DRAFT,
    (State.APPROVED, "publish"): State.PUBLISHED,
    (State.APPROVED, "request_changes"): State.DRAFT,
}


def version_in(state: str) -> PolicyVersion:
    if state == State.PUBLISHED:
        return published_version()
    if state == State.APPROVED:
        return approved_version()[0]
    officer = author()
    version = draft(by=officer)
    with as_officer(officer):
        if state == State.IN_REVIEW:
            return services.submit(version, by=officer)
        if state == State.ARCHIVED:
            return services.archive(version, by=officer)
    return version


@pytest.mark.parametrize(("state", "verb"), list(itertools.product(State.values, VERBS)))
def test_every_step_is_open_in_its_states_and_in_no_other(state, verb):
    version, officer = version_in(state), mighty()
    may = getattr(rules, f"may_{verb}")
    with as_officer(officer):
        if target := ALLOWED.get((state, verb)):
            assert may(version, by=officer)
            VERBS[verb](version, by=officer)
        else:
            target = state
            assert not may(version, by=officer)
            with pytest.raises(NotAllowed) as refused:
                VERBS[verb](version, by=officer)
            assert refused.value.messages[0].endswith(".")
    version.refresh_from_db()
    assert version.state == target


@pytest.mark.parametrize("state", State.values)
def test_only_a_draft_is_edited(state):
    assert rules.may_edit(version_in(state), by=mighty()) == (state == State.DRAFT)


@pytest.mark.parametrize(("state", "verb"), ALLOWED)
def test_without_the_right_no_step_is_open(state, verb):
    version, officer = version_in(state), StaffUserFactory()
    with as_officer(officer), pytest.raises(NotAllowed) as refused:
        VERBS[verb](version, by=officer)
    assert refused.value.code == "permission"


@pytest.mark.parametrize(
    ("role", "open_steps"),
    [
        ("operator", set()),
        ("officer", {"submit", "archive"}),
        ("dpo", {"approve", "request_changes", "publish"}),
        ("auditor", set()),
        ("administrator", set()),
    ],
)
def test_the_roles_of_the_house_share_the_steps(role, open_steps):
    officer = permit(StaffUserFactory(), *(p for p in ROLES[role] if p.startswith("policies.")))
    found = set()
    for state in (State.DRAFT, State.IN_REVIEW, State.APPROVED):
        with transaction.atomic():
            version = version_in(state)
            found |= {
                verb for at, verb in ALLOWED if at == state and getattr(rules, f"may_{verb}")(version, by=officer)
            }
            transaction.set_rollback(True)
    assert found == open_steps


class TestFourEyes:
    def test_the_submitter_does_not_approve(self):
        officer = mighty()
        version = draft(by=author())
        with as_officer(officer):
            version = services.submit(version, by=officer)
            assert not rules.may_approve(version, by=officer)
            with pytest.raises(NotAllowed) as refused:
                services.approve(version, by=officer)
        assert refused.value.code == "four_eyes"

    def test_who_wrote_a_clause_does_not_approve_even_if_a_colleague_submitted(self):
        writer, colleague = mighty(), author()
        version = draft(by=writer)
        with as_officer(colleague):
            version = services.submit(version, by=colleague)
        with as_officer(writer), pytest.raises(NotAllowed) as refused:
            services.approve(version, by=writer)
        assert refused.value.code == "four_eyes"

    def test_who_wrote_only_a_clause_that_is_gone_since_still_wrote(self):
        writer, colleague = mighty(), author()
        version = draft(by=writer)
        with as_officer(colleague):
            services.import_version(
                policy=version.policy,
                files={s.language: services.SourceFile("f.md", bytes(s.content)) for s in version.sources.all()},
                by=colleague,
                replace_draft=True,
            )
            version = services.submit(version, by=colleague)
        assert not rules.may_approve(version, by=writer)

    @pytest.mark.parametrize(
        ("values", "named"),
        [
            ({"change_summary_ru": "Иное."}, ["summary of changes, in Russian"]),
            ({"significant": True}, ["especially significant change"]),
            ({"prevailing": "kk", "order_number": "9"}, ["number of the approving order", "prevailing text"]),
        ],
    )
    def test_who_wrote_only_terms_is_told_which(self, values, named):
        writer, first = mighty(), author()
        version = draft(by=first)
        with as_officer(writer):
            services.save_draft(version, by=writer, values=values)
        with as_officer(first):
            # written over by a colleague since: it was written all the same
            services.save_draft(version, by=first, values={"change_summary_ru": "Третье."})
            version = services.submit(version, by=first)
        with as_officer(writer), translation.override("en"), pytest.raises(NotAllowed) as refused:
            services.approve(version, by=writer)
        assert refused.value.code == "four_eyes"
        assert f"({'; '.join(named)})" in refused.value.messages[0]  # a name may hold a comma
        for language in ("kk", "ru"):
            with as_officer(writer), translation.override(language), pytest.raises(NotAllowed) as refused:
                services.approve(version, by=writer)
            names = refused.value.messages[0].partition("(")[2].partition(")")[0]
            assert len(names.split("; ")) == len(named), names

    def test_who_looked_wrote_a_note_or_asked_for_changes_may_approve(self):
        first, second = author(), mighty()
        version = draft(by=first)
        with as_officer(second):
            services.save_draft(version, by=second, values={**FILLED, "note": "Прочёл."})
        with as_officer(first):
            services.submit(version, by=first)
        with as_officer(second):
            services.request_changes(version, by=second, what="Точнее.")
        with as_officer(first):
            version = services.submit(version, by=first)
        with as_officer(second):
            assert services.approve(version, by=second).approved_by == second

    def test_the_approver_may_publish(self):
        version, second = approved_version()
        assert rules.may_publish(version, by=second)


def test_a_policy_in_one_language_is_not_submitted():
    officer = author()
    version = draft(by=officer)
    with as_officer(officer):
        version.sources.filter(language="kk").delete()
        with pytest.raises(NotAllowed) as refused:
            services.submit(version, by=officer)
    assert refused.value.code == "languages"


def test_an_older_version_is_not_published_after_a_newer_one():
    old, second = approved_version()
    officer = author()
    newer = draft(by=officer, ru="# П\n\n1.1. Новое.\n", kk="# С\n\n1.1. Жаңа.\n")
    with as_officer(officer):
        services.submit(newer, by=officer)
    with as_officer(second):
        services.publish(services.approve(newer, by=second), by=second)
        with pytest.raises(NotAllowed) as refused:
            services.publish(old, by=second)
    assert refused.value.code == "outdated"


def test_a_rule_asks_and_changes_nothing():
    version = version_in(State.IN_REVIEW)
    rows = version.history.count()
    for name in VERBS:
        getattr(rules, f"may_{name}")(version, by=approver())
    assert version.history.count() == rows
