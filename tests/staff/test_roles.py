"""Roles: the table is real, groups follow it and the grants, roles that exclude each other do."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.utils import timezone

from staff import services
from staff.enums import Role
from staff.models import RoleGrant, StaffUser
from staff.roles import ROLES
from tests.staff.conftest import refused
from tests.staff.factories import as_officer

pytestmark = pytest.mark.django_db


def afresh(user: StaffUser) -> StaffUser:
    return StaffUser.objects.get(pk=user.pk)


def test_every_permission_a_role_names_exists():
    real = {f"{app}.{code}" for app, code in Permission.objects.values_list("content_type__app_label", "codename")}
    for role, names in ROLES.items():
        assert set(names) <= real, role
        assert len(names) == len(set(names)), role
    assert set(ROLES) == set(Role)


def test_who_looks_and_who_opens_accounts_write_nothing_else():
    writes = {role: {name for name in names if ".view_" not in name} for role, names in ROLES.items()}
    assert writes[Role.AUDITOR] == set()
    # the public halves of keys say nothing of anybody
    assert all(name.startswith("staff.") for name in ROLES[Role.ADMINISTRATOR] if name != "consent.view_receiptkey")
    assert "subjects.reveal_value" in writes[Role.DPO]
    assert not any("subjects.reveal_value" in names for role, names in ROLES.items() if role != Role.DPO)


def test_nobody_both_submits_and_approves_by_one_role():
    for role, names in ROLES.items():
        assert not {"policies.submit_policyversion", "policies.approve_policyversion"} <= set(names), role


def test_a_role_opens_exactly_what_the_table_says(member):
    officer = member("officer")
    assert officer.get_all_permissions() == set(ROLES[Role.OFFICER])


def test_sync_puts_right_what_somebody_edited_and_then_has_nothing_to_do(member):
    services.sync_roles()
    officer, auditor = member("officer"), member("auditor")
    group = Group.objects.get(name="auditor")
    group.permissions.add(Permission.objects.get(codename="reveal_value"))
    group.permissions.remove(Permission.objects.get(codename="view_signin"))
    officer.groups.add(Group.objects.get(name="dpo"))
    auditor.groups.clear()

    differences = services.sync_roles()

    assert sorted(differences) == sorted(
        [
            "auditor - subjects.reveal_value",
            "auditor + staff.view_signin",
            f"user {officer.pk} - dpo",
            f"user {auditor.pk} + auditor",
        ]
    )
    assert afresh(auditor).get_all_permissions() == set(ROLES[Role.AUDITOR])
    assert services.sync_roles() == []


def test_sync_removes_from_a_group_whose_grant_ended_behind_its_back(member):
    officer = member("officer")
    grant = officer.role_grants.get()
    grant.during = type(grant.during)(grant.during.lower, timezone.now())
    grant.save()

    assert services.sync_roles() == [f"user {officer.pk} - officer"]
    assert afresh(officer).get_all_permissions() == set()


def test_a_role_given_and_taken_counts_at_the_next_request(member, at_desk):
    administrator, officer = member("administrator"), member("officer")
    browser = at_desk(officer)
    url = "/admin/policies/policyversion/"
    assert browser.get(url).status_code == 200

    with as_officer(administrator):
        grant = services.revoke_role(grant=officer.role_grants.get(), by=administrator)
    assert browser.get(url).status_code == 403
    assert (grant.revoked_by, grant.granted_by) == (administrator, None)

    with as_officer(administrator):
        services.grant_role(user=officer, role="operator", by=administrator)
    assert browser.get(url).status_code == 200


def test_the_register_keeps_who_had_which_role_when_and_who_gave_it(member):
    administrator, person = member("administrator"), member("officer")
    given = person.role_grants.get().during.lower
    with as_officer(administrator):
        services.revoke_role(grant=person.role_grants.get(), by=administrator)
    grant = person.role_grants.get()

    assert RoleGrant.objects.in_force(given + timedelta(microseconds=1)).filter(user=person).get() == grant
    assert not RoleGrant.objects.in_force().filter(user=person).exists()
    assert [row.actor for row in grant.history.order_by("history_id")] == [
        "job:fixture",
        f"officer:{administrator.pk}",
    ]


@pytest.mark.parametrize(
    ("has", "wanted"),
    [
        ("auditor", "officer"),
        ("auditor", "administrator"),
        ("officer", "auditor"),
        ("administrator", "dpo"),
        ("operator", "administrator"),
    ],
)
def test_roles_that_stand_alone_are_not_given_beside_another(member, has, wanted):
    person = member(has)
    with refused("alone"):
        services.grant_role(user=person, role=wanted, by=None)
    assert person.role_grants.count() == 1


def test_in_a_small_house_one_person_may_be_officer_and_responsible_person(member):
    person = member("officer")
    services.grant_role(user=person, role="dpo", by=None)
    assert afresh(person).has_perms(["policies.submit_policyversion", "policies.approve_policyversion"])


def test_an_ended_role_does_not_stand_in_the_way(member):
    person = member("officer")
    services.revoke_role(grant=person.role_grants.get(), by=None)
    services.grant_role(user=person, role="auditor", by=None)
    assert afresh(person).get_all_permissions() == set(ROLES[Role.AUDITOR])


def test_nobody_gives_themselves_a_role_nor_takes_one(member):
    administrator = member("administrator")
    with as_officer(administrator):
        with refused("oneself"):
            services.grant_role(user=administrator, role="dpo", by=administrator)
        with refused("oneself"):
            services.revoke_role(grant=administrator.role_grants.get(), by=administrator)
    with pytest.raises(IntegrityError, match="staff_role_not_from_oneself"), transaction.atomic():
        RoleGrant.objects.create(
            user=administrator,
            role="dpo",
            during=administrator.role_grants.get().during,
            granted_by=administrator,
        )


@pytest.mark.parametrize("role", ["operator", "officer", "dpo", "auditor"])
def test_only_administrators_give_and_take_roles(member, role):
    person, other = member(role), member("operator", username="other")
    with as_officer(person):
        with refused("permission"):
            services.grant_role(user=other, role="officer", by=person)
        with refused("permission"):
            services.revoke_role(grant=other.role_grants.get(), by=person)


def test_a_grant_that_makes_no_sense_is_refused(member):
    person, closed = member("officer"), member("officer")
    services.deactivate(user=closed, by=None)
    with refused("twice"):
        services.grant_role(user=person, role="officer", by=None)
    with refused("unknown") as caught:
        services.grant_role(user=person, role="boss", by=None)
    assert "boss" in caught.value.messages[0]
    assert "administrator" in caught.value.messages[0], "the sentence names the roles there are"
    with refused("inactive"):
        services.grant_role(user=closed, role="dpo", by=None)
    with refused("future"):
        services.grant_role(user=person, role="dpo", by=None, at=timezone.now() + timedelta(days=1))
    grant = person.role_grants.get()
    with refused("past"):
        services.revoke_role(grant=grant, by=None, at=grant.during.lower)
    services.revoke_role(grant=grant, by=None)
    with refused("over"):
        services.revoke_role(grant=grant, by=None)
