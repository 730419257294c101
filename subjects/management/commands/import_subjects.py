import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actor import acting_as, command_actor
from staff.enums import Language
from subjects import importing
from subjects.csv_rows import Checked


class Command(BaseCommand):
    help = "Import the good rows of a CSV file (UTF-8) in one transaction, and name every bad one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="check only, write nothing")
        parser.add_argument("--language", choices=Language.values, default="kk", help="where a row names none")

        parser.add_argument(
            "--overrule-corrections",
            action="store_true",
            help="put back values that an officer or the person corrected",
        )

    def handle(self, *args: object, **options: object) -> None:
        path = options["file"]
        try:
            with acting_as(command_actor("import_subjects")), path.open("rb") as stream:
                checked = importing.examine(
                    stream, language=options["language"], overrule=options["overrule_corrections"]
                )
                self._tell(checked)
                if options["dry_run"]:
                    self.stdout.write(f"{len(checked.rows)} of {checked.total} rows are good; nothing was written.")
                elif checked.rows:
                    outcome = importing.load(checked.rows, progress=self._progress())
                    self.stdout.write(
                        f"{outcome.rows} of {checked.total} rows: {outcome.created} added, {outcome.updated} updated,"
                        f" {outcome.unchanged} unchanged."
                    )
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        if checked.problems:
            bad = checked.total - len(checked.rows)
            raise CommandError(f"{bad} bad rows were not imported: mend them and import the file again.")

    def _tell(self, checked: Checked) -> None:
        for warning in checked.warnings:
            self.stdout.write(f"warning: {warning}")
        for problem in checked.problems:
            self.stderr.write(str(problem))
        if checked.more_problems:
            self.stderr.write(f"and {checked.more_problems} more problems")

    def _progress(self) -> importing.Progress:
        """A counter on a terminal, silence in a pipe."""
        if not sys.stderr.isatty():
            return lambda done, total: None
        return lambda done, total: print(f"\r{done} / {total}", end="\n" if done == total else "", file=sys.stderr)
