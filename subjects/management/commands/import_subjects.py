import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actor import acting_as, command_actor
from staff.enums import Language
from subjects import importing


class Command(BaseCommand):
    help = "Import data subjects from a CSV file (UTF-8). All or nothing; every bad row is named."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="check only, write nothing")
        parser.add_argument("--language", choices=Language.values, default="kk", help="where a row names none")

    def handle(self, *args: object, **options: object) -> None:
        path = options["file"]
        with acting_as(command_actor("import_subjects")):
            try:
                with path.open("rb") as stream:
                    checked = importing.examine(stream, language=options["language"])
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}") from error
            for warning in checked.warnings:
                self.stdout.write(f"warning: {warning}")
            if checked.problems:
                for problem in checked.problems:
                    self.stderr.write(str(problem))
                raise CommandError(f"{len(checked.problems)} problems; nothing was written.")
            if options["dry_run"]:
                self.stdout.write(f"{len(checked.rows)} rows are good; nothing was written.")
                return
            outcome = importing.load(checked.rows, progress=self._progress())
        self.stdout.write(
            f"{outcome.rows} rows: {outcome.created} added, {outcome.updated} updated,"
            f" {outcome.unchanged} unchanged."
        )

    def _progress(self) -> importing.Progress:
        """A counter on a terminal, silence in a pipe."""
        if not sys.stderr.isatty():
            return lambda done, total: None
        return lambda done, total: print(f"\r{done} / {total}", end="\n" if done == total else "", file=sys.stderr)
