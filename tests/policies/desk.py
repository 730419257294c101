"""Officers at their desks: pages of versions opened, read and filled in."""

import re

from django.test import Client
from django.urls import reverse

from policies import services
from policies.models import PolicyVersion
from staff.models import StaffUser
from tests.policies.factories import author, draft
from tests.staff.factories import StaffUserFactory, as_officer, permit


def at_desk(officer: StaffUser) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(officer)
    return client


def url_of(version: PolicyVersion, tab: str = "") -> str:
    url = reverse("admin:policies_policyversion_change", args=[version.pk])
    return f"{url}?tab={tab}" if tab else url


def step_url(version: PolicyVersion, step: str) -> str:
    return reverse("admin:policies_step", args=[version.pk, step])


def text_of(response) -> str:
    return response.content.decode()


def steps_on(response) -> set[str]:
    return set(re.findall(r"/steps/([a-z-]+)/", text_of(response)))


def hidden(response, name: str = "seen") -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', text_of(response))[1]


def auditor() -> StaffUser:
    return permit(StaffUserFactory(), "policies.view_policyversion", "policies.view_policy")


def submitted() -> PolicyVersion:
    officer = author()
    version = draft(by=officer)
    with as_officer(officer):
        return services.submit(version, by=officer)


def draft_fields(response, **changed) -> dict:
    form = response.context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {name: "" if value is None else value for name, value in {**values, **changed}.items()}
