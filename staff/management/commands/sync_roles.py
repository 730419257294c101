from django.core.management.base import BaseCommand, CommandError

from audit.actor import acting_as, command_actor
from staff.services import sync_roles


class Command(BaseCommand):
    help = "Bring Django's groups in step with staff/roles.py and the role grants in force. Safe to repeat."

    def handle(self, *args: object, **options: object) -> None:
        with acting_as(command_actor("sync_roles")):
            try:
                differences = sync_roles()
            except LookupError as error:
                raise CommandError(str(error)) from error
        for difference in differences:
            self.stdout.write(difference)
        self.stdout.write(f"{len(differences)} differences put right." if differences else "Everything is in step.")
