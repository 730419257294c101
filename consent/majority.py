"""Who comes of age answers for themself: what a parent or guardian agreed to for them ends and is asked anew.

94-V art. 7, 8: a minor's consent is their legal representative's, whose right ends on the eighteenth birthday.
"""

from consent import ledger, terms
from consent.enums import GROUNDS
from consent.models import ConsentFormVersion, ConsentState
from subjects.models import DataSubject

REASON = "came_of_age"


def ask_anew(subject: DataSubject) -> None:
    """End every consent that others gave for the person, and ask the person for each that is offered still.

    The end is an event, and so is the asking; what was agreed to until today stays proved. The main consent's end
    restricts the use of the data until the answer (consent.stopping).
    """
    rows = ConsentState.objects.filter(subject=subject, state__in=GROUNDS).select_related("form").order_by("pk")
    for row in rows:
        terms.end(subject=subject, form=row.form, scope=row.scope, reason=REASON)
        version = ConsentFormVersion.objects.in_force().filter(form=row.form_id).first()
        if version is not None:
            ledger.ask(subject=subject, version=version, scope=row.scope)
