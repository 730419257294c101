from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.catalogues import compile_catalogues


class Command(BaseCommand):
    help = "Compile locale/*/LC_MESSAGES/*.po where .mo is missing or older; needs no database, settings or msgfmt."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counts = compile_catalogues()
        except OSError as error:
            raise CommandError(f"A catalogue cannot be compiled: {error}") from None
        self.stdout.write(", ".join(f"{name} {count}" for name, count in counts.items()) or "No catalogues.")
