import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from audit.actor import acting_as, command_actor
from consent import ledger
from consent.grounds import reasons
from subjects import search
from subjects.models import DataSubject


class Command(BaseCommand):
    help = "How a person's consents stand, now or at a past moment, and what may be done with their data."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--subject", required=True, metavar="REF", help="reference, as S-000481, or public id")
        parser.add_argument("--at", metavar="ISO", help="date or date and time; a date means its end")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            subject = search.by_reference(options["subject"])
        except DataSubject.DoesNotExist:
            raise CommandError(f"Nobody has the reference {options['subject']}.") from None
        at = self.moment(options["at"])
        with acting_as(command_actor("consent_state")):
            told = {
                "subject": str(subject),
                "at": (at or timezone.now()).isoformat(),
                "consents": [
                    {
                        "form": form,
                        "scope": scope,
                        "state": str(standing.state),
                        "since": standing.since.isoformat() if standing.since else None,
                        "until": standing.until.isoformat() if standing.until else None,
                        "ground": standing.is_ground,
                    }
                    for (form, scope), standing in sorted(ledger.standings(subject, at).items())
                ],
                "purposes": [
                    {"purpose": r.purpose.code, "allowed": r.allowed, "ground": r.code, "form": r.form or None}
                    for r in reasons(subject, at)
                ],
            }
        if options["json"]:
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
            return
        for row in told["consents"]:
            until = f" until {row['until']}" if row["until"] else ""
            scope = f" {row['scope']}" if row["scope"] else ""
            self.stdout.write(f"{row['form']}{scope}: {row['state']} since {row['since']}{until}")

    def moment(self, text: str | None):
        """The moment that was asked about; the end of the day for a date. Raises CommandError."""
        if text is None:
            return None
        try:
            moment = parse_datetime(text) if "T" in text or " " in text else None
            day = None if moment else parse_date(text)
        except ValueError:
            moment = day = None
        if moment:
            return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        if day:
            return timezone.make_aware(timezone.datetime.combine(day, timezone.datetime.max.time()))
        raise CommandError(f"Not a date or a moment in ISO 8601: {text}")
