import sys

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actor import acting_as, command_actor
from subjects import ports, vault
from subjects.models import SubjectKey


class Command(BaseCommand):
    help = "Re-wrap every person's keys with the active key-encryption key. Values are not touched."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--batch-size", type=int, default=1000, help="how many keys a transaction")

    def handle(self, *args: object, **options: object) -> None:
        if options["batch_size"] < 1:
            raise CommandError("--batch-size: at least one key at a time.")
        active = vault.ring().active_version
        stale = SubjectKey.objects.exclude(kek_version=active).count()
        if options["dry_run"]:
            self.stdout.write(f"{stale} keys are not wrapped by version {active}; nothing was changed.")
            return
        done = 0
        with acting_as(command_actor("rotate_keys")):
            while count := vault.rotate_keys(batch_size=options["batch_size"]):
                done += count
                if sys.stderr.isatty():
                    print(f"\r{done} / {stale}", end="", file=sys.stderr)
            done += sum(rewrap() for rewrap in ports.on_keys_rotated)
        self.stdout.write(f"{done} keys re-wrapped by version {active}.")
