from django.core.management.base import BaseCommand

from audit.actor import acting_as, command_actor
from staff import registers as staff_registers
from staff.services import sync_roles
from subjects import registers


class Command(BaseCommand):
    help = "Load the registers every installation starts with; what officers changed is left alone."

    def handle(self, *args: object, **options: object) -> None:
        with acting_as(command_actor("load_registers")):
            added = registers.load()
            staff_registers.load()
            sync_roles()
        self.stdout.write(f"{added} data categories added; roles are in step.")
