from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actor import acting_as, command_actor
from consent import importing


class Command(BaseCommand):
    help = "Import the good rows of a CSV file of older consents (UTF-8) in one transaction, and name every bad one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="check only, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["file"]
        with acting_as(command_actor("import_consents")):
            try:
                with path.open("rb") as stream:
                    checked = importing.examine(stream)
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}") from error
            for problem in checked.problems:
                self.stderr.write(str(problem))
            if checked.more_problems:
                self.stderr.write(f"and {checked.more_problems} more problems")
            if options["dry_run"]:
                self.stdout.write(f"{len(checked.rows)} of {checked.total} rows are good; nothing was written.")
            elif checked.rows:
                done = importing.load(checked.rows)
                self.stdout.write(
                    f"{done.rows} of {checked.total} rows: {done.added} added, {done.unchanged} there already."
                )
        if checked.problems:
            bad = checked.total - len(checked.rows)
            raise CommandError(f"{bad} bad rows were not imported: mend them and import the file again.")
