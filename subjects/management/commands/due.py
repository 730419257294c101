from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from subjects import calendar_days, clock, deadlines


class Command(BaseCommand):
    help = "Print when a duty of the law is due, as ISO 8601: a day, or a moment for a term in hours."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="code of the term, as law.md 1.6 has it: ACCESS")
        parser.add_argument(
            "--at", required=True, metavar="ISO", help="2026-03-19 or 2026-03-19T17:30, Asia/Almaty if it names no zone"
        )

    def handle(self, *args: object, code: str, at: str, **options: object) -> None:
        try:
            moment = clock.moment(at)
            rule = deadlines.rule(code, at=moment)
            due = clock.due(rule, moment, days=calendar_days.days())
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except OverflowError as error:
            raise CommandError(f"“{at}” is too far away to be counted from.") from error
        self.stdout.write(due.isoformat() if rule.unit == "hour" else clock.local_day(due).isoformat())
