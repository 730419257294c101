from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.actor import acting_as, command_actor
from consent import rebuilding


class Command(BaseCommand):
    help = "Derive how every consent stands again from its events, and mend the rows that differ; none should."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="mend what differs; without it, only count")

    def handle(self, *args: Any, **options: Any) -> None:
        with acting_as(command_actor("rebuild_consent_states")):
            differed = rebuilding.rebuild(dry_run=not options["apply"])
        mended = ", mended" if options["apply"] and differed else ""
        self.stdout.write(f"{differed} differed from their events{mended}.")
        if differed and not options["apply"]:
            raise SystemExit(1)
