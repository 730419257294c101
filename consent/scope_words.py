"""What one consent of a person is about: everything, an application or contract, a recipient, a report (DESIGN 5)."""

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.translation import gettext as _

from consent import ports
from consent.enums import ScopeKind
from consent.models import ConsentForm
from subjects.models import Application, Contract, DataSubject
from subjects.obligations import ApplicationState

# an application that may still become a loan: it is asked about anew
ASKED_ANEW = (ApplicationState.APPLIED, ApplicationState.OFFER_SENT, ApplicationState.OFFER_AGREED)


class Scopes(NamedTuple):
    """What scopes are told in words with; three queries.

    applications, contracts: the person's, by id; recipients: {code: title in the reader's language}.
    """

    applications: dict[int, Application]
    contracts: dict[int, Contract]
    recipients: dict[str, str]

    @classmethod
    def of(cls, subject: DataSubject) -> "Scopes":
        return cls(
            Application.objects.filter(subject=subject).in_bulk(),
            Contract.objects.filter(subject=subject).in_bulk(),
            {code: title for titles in ports.titles_of_recipients for code, title in titles().items()},
        )

    def offered(self, form: ConsentForm, known: Iterable[str]) -> list[str]:
        """What the person may be asked this form about: what they answered or were asked about before (`known`), and
        each application of theirs that has no contract yet; `""` is everything."""
        found = set(known)
        if form.scope_kind == ScopeKind.CONTRACT:
            made = {contract.application_id for contract in self.contracts.values()}
            found |= {
                f"application:{pk}"
                for pk, application in self.applications.items()
                if application.state in ASKED_ANEW and pk not in made
            }
        return sorted(found or {""})

    def in_words(self, scope: str) -> str:
        """A scope in the reader's language; "" for everything. Only what is the person's own is named."""
        kind, _colon, key = scope.partition(":")
        pk = int(key) if key.isdecimal() else 0
        if kind == "contract" and pk in self.contracts:
            return _("contract %(number)s") % {"number": self.contracts[pk].number}
        if kind == "application" and pk in self.applications:
            return _("application %(number)s") % {"number": self.applications[pk].number}
        if kind == "recipient":
            return _("recipient: %(title)s") % {"title": self.recipients.get(key, key)}
        if kind == "report":
            return _("report %(number)s") % {"number": key}
        if kind == "token":
            return _("request through the state service %(number)s") % {"number": key}
        return scope
