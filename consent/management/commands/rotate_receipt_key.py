from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audit.actor import acting_as, command_actor
from consent import signing


class Command(BaseCommand):
    help = "Sign receipts of what is recorded from a minute on with a new key. Old public keys stay published."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only tell which key signs now")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            known = signing.published()["keys"]
            self.stdout.write(f"{len(known)} keys; {known[-1]['kid']} signs." if known else "There is no key yet.")
            return
        with acting_as(command_actor("rotate_receipt_key")):
            try:
                key = signing.rotate()
            except signing.NoKey as error:
                raise CommandError(str(error)) from error
        since = timezone.localtime(key.in_force_during.lower)
        self.stdout.write(f"{key.key_id} signs what is recorded from {since:%Y-%m-%d %H:%M:%S} on.")
