"""The steps of a version as officers see them: a button, a page that asks once more, the service that acts."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from policies import rules, services
from policies.models import PolicyVersion
from staff.models import StaffUser


class Step(NamedTuple):
    """A step a version may take next.

    name: in addresses. label: on its button. check: the rule. act: the service. done: what is said afterwards.
    """

    name: str
    label: Promise
    check: Callable[..., None]
    act: Callable[..., PolicyVersion]
    done: Promise
    primary: bool = True

    def refusal(self, version: PolicyVersion, by: StaffUser) -> str:
        """Why it is not open to this officer now; "" when it is."""
        try:
            self.check(version, by=by)
        except rules.NotAllowed as error:
            return " ".join(error.messages)
        return ""

    def take(self, version: PolicyVersion, *, by: StaffUser, seen: str | None, data: dict[str, Any]) -> PolicyVersion:
        """Act on the version as it was shown (`services.mark_of`). Raises NotAllowed, Overtaken."""
        asked = {name: data[name] for name in ("what", "at") if name in data}
        return self.act(version, by=by, seen=seen, **asked)


STEPS = (
    Step(
        "submit",
        _("Submit for approval"),
        rules.check_may_submit,
        services.submit,
        _("%(version)s was submitted and waits for approval."),
    ),
    Step(
        "approve",
        _("Approve"),
        rules.check_may_approve,
        services.approve,
        _("%(version)s is approved and can be published."),
    ),
    Step("publish", _("Publish"), rules.check_may_schedule, services.publish, _("%(version)s is published.")),
    Step(
        "request-changes",
        _("Ask for changes"),
        rules.check_may_request_changes,
        services.request_changes,
        _("%(version)s is a draft again; its author sees what you wrote."),
        primary=False,
    ),
    Step(
        "archive",
        _("Give this draft up"),
        rules.check_may_archive,
        services.archive,
        _("%(version)s was given up."),
        primary=False,
    ),
)
BY_NAME = {step.name: step for step in STEPS}
