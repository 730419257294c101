import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actor import acting_as, command_actor
from subjects import contract_files, importing, value_files
from subjects.models import RecordImport


class Command(BaseCommand):
    help = "Import the good rows of a CSV file of values or contracts in one transaction, and name every bad one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=RecordImport.What.values)
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="check only, write nothing")
        parser.add_argument(
            "--overrule-corrections", action="store_true", help="put back values that were corrected here"
        )

    def handle(self, *args: object, **options: object) -> None:
        path, values = options["file"], options["what"] == RecordImport.What.VALUES
        try:
            with acting_as(command_actor("import_records")), path.open("rb") as stream:
                if values:
                    checked = value_files.examine(stream, overrule=options["overrule_corrections"])
                else:
                    checked = contract_files.examine(stream)
                for warning in checked.warnings:
                    self.stdout.write(f"warning: {warning}")
                for problem in checked.problems:
                    self.stderr.write(str(problem))
                if options["dry_run"]:
                    self.stdout.write(f"{len(checked.rows)} of {checked.total} rows are good; nothing was written.")
                elif checked.rows:
                    load = value_files.load if values else contract_files.load
                    done = load(checked.rows, progress=self._progress())
                    self.stdout.write(
                        f"{len(checked.rows)} of {checked.total} rows: {done.added} added, {done.changed} changed,"
                        f" {done.unchanged} unchanged."
                    )
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        if checked.problems:
            bad = checked.total - len(checked.rows)
            raise CommandError(f"{bad} bad rows were not imported: mend them and import the file again.")

    def _progress(self) -> importing.Progress:
        """A counter on a terminal, silence in a pipe."""
        if not sys.stderr.isatty():
            return lambda done, total: None
        return lambda done, total: print(f"\r{done} / {total}", end="\n" if done == total else "", file=sys.stderr)
