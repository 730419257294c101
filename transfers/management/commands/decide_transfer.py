"""Ask the gate from a shell: the same answer as the API and the admin get, and nothing is written (issue 4)."""

import json
from argparse import ArgumentParser
from datetime import date, datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from audit.actor import acting_as, command_actor
from transfers import gate
from transfers.decisions import Context
from transfers.enums import Direction
from transfers.sentences import say


def _moment(text: str | None) -> datetime | None:
    """An ISO 8601 moment of the past; without a zone it is of Asia/Almaty. Raises CommandError."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            _("--at %(text)s is no moment. Write it as ISO 8601 does: 2026-11-23T10:00:00+05:00.") % {"text": text}
        ) from error
    moment = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    if moment > timezone.now():
        raise CommandError(_("--at %(text)s is in the future: the gate knows today and the past.") % {"text": text})
    return moment


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise CommandError(
            _("--request-date %(text)s is no date. Write it as ISO 8601 does: 2026-11-23.") % {"text": text}
        ) from error


class Command(BaseCommand):
    help = "Decide whether categories of a person's data may go to a recipient for a purpose; writes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--subject", required=True, metavar="REF", help="reference of the person: S-000481")
        parser.add_argument("--recipient", required=True, metavar="CODE")
        parser.add_argument("--purpose", required=True, metavar="CODE")
        parser.add_argument("--category", required=True, metavar="CODE", nargs="+", action="extend", dest="categories")
        parser.add_argument("--direction", choices=Direction.values, default=str(Direction.OUTGOING))
        parser.add_argument("--at", metavar="ISO", help="a past moment, ISO 8601")
        parser.add_argument("--scope", default="", help="which consent is meant: report:…, token:…")
        parser.add_argument("--body", default="", help="of a demand: who asks")
        parser.add_argument("--article", default="", help="of a demand: the article")
        parser.add_argument("--request-number", default="", help="of a demand: the number of the letter")
        parser.add_argument("--request-date", default="", metavar="DATE", help="of a demand: its date, ISO 8601")
        parser.add_argument("--sanction", default="", help="of a demand: the sanction")
        parser.add_argument("--json", action="store_true", help="the whole answer as JSON")

    def handle(self, *args: object, **options: str) -> None:
        context = Context(
            scope=options["scope"],
            body=options["body"],
            article=options["article"],
            request_number=options["request_number"],
            request_date=_day(options["request_date"]),
            sanction=options["sanction"],
        )
        with acting_as(command_actor("decide_transfer")):
            decision = gate.decide(
                subject=options["subject"],
                recipient=options["recipient"],
                purpose=options["purpose"],
                categories=tuple(options["categories"]),
                direction=options["direction"],
                at=_moment(options["at"]),
                context=context,
            )
        if options["json"]:
            self.stdout.write(json.dumps(gate.as_json(decision), ensure_ascii=False, indent=2))
            return
        for step in decision.steps:
            if step.code.endswith(".unknown") and not step.code.startswith("consent."):
                raise CommandError(self.sentence(step.code, step.params))
        self.stdout.write(str(decision.decision))
        for step in decision.steps:
            self.stdout.write(f"  {step.result:4} {step.check:10} {self.sentence(step.code, step.params)}")
        if decision.counterfactual:
            for change in decision.counterfactual.changes:
                self.stdout.write(f"  → {self.sentence(f'mend.{change.change}', change.params)}")

    @staticmethod
    def sentence(code: str, params: dict) -> str:
        """In the language of the command."""
        return say(code, params, (get_language() or "en")[:2])
