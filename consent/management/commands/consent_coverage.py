import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from consent import coverage


class Command(BaseCommand):
    help = "Whose consent lacks a purpose, category or recipient that others' text names, by version and language."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        gaps, unknown = coverage.gaps(), coverage.unknown_grounds()
        if options["json"]:
            told = {
                "gaps": [
                    {
                        "form": gap.form,
                        "version": gap.version,
                        "language": gap.language,
                        "people": gap.people,
                        "lacks": [{"kind": words.kind, "code": words.code} for words in gap.lacks],
                    }
                    for gap in gaps
                ],
                "unknown": unknown,
            }
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
            return
        for gap in gaps:
            lacks = ", ".join(f"{words.kind} {words.code}" for words in gap.lacks)
            self.stdout.write(f"{gap.form} v{gap.version} {gap.language}: {gap.people} people were not told of {lacks}")
        for form, people in unknown.items():
            self.stdout.write(f"{form}: {people} imported consents whose text or language nobody knows")
        if not gaps and not unknown:
            self.stdout.write("Every live consent covers what its form names.")
