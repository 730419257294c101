from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actor import acting_as, command_actor
from staff.enums import Language, Role
from staff.services import create_staff


class Command(BaseCommand):
    help = "Open an account of staff and print the one-time link by which its owner sets a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", required=True, help=", ".join(Role.values))
        parser.add_argument("--email", default="", help="for letters; the administrator can add it later")
        parser.add_argument("--language", default=Language.RU, help=", ".join(Language.values))
        parser.add_argument("--position", default="")

    def handle(self, *args: object, **options: object) -> None:
        fields = {name: options[name] for name in ("username", "role", "email", "language", "position")}
        with acting_as(command_actor("create_staff")):
            try:
                user, link = create_staff(**fields)
            except ValidationError as error:
                raise CommandError(_sentences(error)) from error
            except LookupError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{user.username} is {fields['role']}. This link sets the password, once:")
        self.stdout.write(link)


def _sentences(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        message if name == NON_FIELD_ERRORS else f"{name}: {message}"
        for name, messages in error.message_dict.items()
        for message in messages
    )
