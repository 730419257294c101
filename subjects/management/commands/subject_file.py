import re

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from audit.actor import acting_as, command_actor
from audit.models import AccessRecord
from staff.enums import Language
from subjects import clock, subject_file
from subjects.models import DataSubject

REFERENCE = re.compile(r"S-([0-9]{6,15})")


class Command(BaseCommand):
    help = (
        "Print everything we hold on a person as JSON, without opening a value: there is no officer here who could"
        " answer for it. What is withheld from the person is not in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--subject", required=True, metavar="REF", help="reference of the person: S-000481")
        parser.add_argument(
            "--at", metavar="ISO", default="", help="2026-03-19 (its end) or 2026-03-19T17:30, Asia/Almaty without zone"
        )
        parser.add_argument("--language", choices=Language.values, default=Language.RU.value)
        parser.add_argument("--json", action="store_true", required=True, help="as JSON, the one format here")

    @transaction.atomic
    def handle(self, *args: object, subject: str, at: str, language: str, **options: object) -> None:
        found = REFERENCE.fullmatch(subject.strip().upper())
        person = DataSubject.objects.filter(pk=int(found[1])).first() if found else None
        if person is None:
            raise CommandError("There is no such person: write the reference as S-000481.")
        try:
            moment = clock.moment(at, end=True) if at else None
            file = subject_file.read(person, language, at=moment)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        with acting_as(command_actor("subject_file")):
            subject_file.note(file, door=AccessRecord.Door.JOB, reason="subject_file")
        self.stdout.write(subject_file.as_json(file), ending="")
