"""The demo's transfers: invented parties, an agreement that ended, answers of every kind."""

import pytest
from django.core.management import call_command

from config.demo import data
from policies.models import Policy
from staff.models import StaffUser
from subjects.identifiers import normalise_bin
from transfers import agreements, processing
from transfers.models import (
    ProcessingRegister,
    Quarantined,
    Recipient,
    RecipientNotice,
    Transfer,
    TransferNotice,
)

pytestmark = pytest.mark.django_db


def test_the_demo_shows_what_was_allowed_refused_and_not_set_up(settings, tmp_path):
    settings.VAR = tmp_path
    call_command("load_registers", verbosity=0)
    data.load()
    said = {(row.recipient.code, row.direction, row.decision) for row in Transfer.objects.select_related("recipient")}
    assert {
        ("ulgi-bureau", "outgoing", "allow"),
        ("ulgi-bureau", "outgoing", "deny"),
        ("gkb", "outgoing", "allow"),
        ("gkb", "incoming", "deny"),
        ("gkb", "incoming", "allow"),
        ("state-corporation", "incoming", "allow"),
        ("dala-collect", "outgoing", "allow"),
        ("dala-collect", "outgoing", "deny"),
        ("jarnama", "outgoing", "deny"),
        ("tez-courier", "outgoing", "deny"),
        ("tolem", "outgoing", "allow"),
        ("enpf", "incoming", "gap"),
        ("court-executors", "outgoing", "allow"),
        ("court-executors", "outgoing", "deny"),
        ("financial-monitoring", "outgoing", "allow"),
    } <= said, sorted(said)
    assert [row.recipient.code for row in agreements.ending()] == ["dala-collect"]
    for row in Recipient.objects.exclude(bin=""):
        assert normalise_bin(row.bin) == row.bin
    told = {(row.recipient.code, row.state) for row in RecipientNotice.objects.select_related("recipient")}
    assert {("ulgi-bureau", "open"), ("dala-collect", "confirmed")} <= told
    assert (Quarantined.objects.get().category, ProcessingRegister.objects.get().number) == ("salary_amount", 1)
    assert TransferNotice.objects.exists()
    assert processing.differences(ProcessingRegister.objects.get().content, processing.build(), "ru")
    count = Transfer.objects.count()
    officers = StaffUser.objects.filter(username__in=("officer", "dpo")).order_by("-username")
    data.transfers.load(Policy.objects.get(), officer=officers[0], dpo=officers[1])
    assert Transfer.objects.count() == count
