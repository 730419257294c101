"""What the beat asks every thirty seconds visits the letters it is about, however many there have been."""

import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications import outbox
from notifications.models import Letter
from subjects import sign_in
from tests.notifications.factories import CampaignFactory, LetterFactory
from tests.subjects.factories import DataSubjectFactory

pytestmark = pytest.mark.django_db
PAST = 30_000
FEW = 50


@pytest.fixture
def past(db, operator):
    """What years leave behind: letters of a running, a finished and a cancelled campaign, ordinary ones, codes."""
    person = DataSubjectFactory()
    campaigns = [CampaignFactory(state=state).pk for state in ("running", "finished", "cancelled")]
    for campaign, kind, priority in (
        *((pk, "sample", 9) for pk in campaigns),
        (None, "sample", 5),
        (None, "sign_in_code", 0),
    ):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO notifications_letter (subject_id, kind, cause, campaign_id, language, priority, state,"
                " skip_reason, attempts, created_at, done_at)"
                " SELECT %s, %s, format('tests.Past:%%s#%%s', n, %s::text), %s, 'kk', %s, 'sent', '', 1, at, at"
                " FROM generate_series(1, %s) n, LATERAL (SELECT now() - interval '1 day' - n * interval '1 minute') t (at)",
                [person.pk, kind, f"{campaign}{kind}", campaign, priority, PAST // 5],
            )
    LetterFactory(subject=person, campaign_id=campaigns[0], priority=9)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notifications_letter, notifications_campaign, subjects_signincode")
    return person


def visited(plan: dict) -> int:
    """How many letters the executor looked at in this plan and what is below it."""
    below = sum(visited(child) for child in plan.get("Plans", ()))
    if plan.get("Relation Name") != Letter._meta.db_table or plan["Node Type"] == "ModifyTable":
        return below
    rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return below + round(rows * plan["Actual Loops"])


def plan_of(statement: str) -> dict:
    """The plan of a statement as it ran; what it wrote is undone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}")
        (plan,) = cursor.fetchone()
        transaction.set_rollback(True)
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


def statements_of(act) -> list[str]:
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        act()
        transaction.set_rollback(True)
    asked = [query["sql"] for query in captured if Letter._meta.db_table in query["sql"]]
    return [sql for sql in asked if sql.lstrip().startswith(("SELECT", "UPDATE"))]


SWEEPS = {
    "forgotten codes": sign_in.send_forgotten,
    "lost workers": outbox.give_up_lost,
    "campaigns that are over": outbox.finish_campaigns,
    "is anything due": outbox.is_due,
    "is anything urgent waiting": lambda: outbox.is_urgent_waiting(9),
    "claim": lambda: outbox.claim(20),
}


@pytest.mark.parametrize("sweep", SWEEPS.values(), ids=SWEEPS)
def test_a_sweep_does_not_read_the_past(sweep, past):
    statements = statements_of(sweep)
    assert statements
    for statement in statements:
        plan = plan_of(statement)
        assert visited(plan) <= FEW, json.dumps(plan, indent=1)
