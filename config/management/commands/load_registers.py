from django.core.management.base import BaseCommand

from audit.actor import acting_as, command_actor
from consent import registers as consent_registers
from consent import signing
from policies import registers as policy_registers
from staff import registers as staff_registers
from staff.services import sync_roles
from subjects import registers
from transfers import registers as transfer_registers


class Command(BaseCommand):
    help = "Load the registers every installation starts with; what officers changed is left alone."

    def handle(self, *args: object, **options: object) -> None:
        with acting_as(command_actor("load_registers")):
            added = registers.load() + consent_registers.load_categories()
            terms, days = registers.load_clock()
            acts = policy_registers.load()
            loaded = consent_registers.load()
            transfer_registers.load()
            staff_registers.load()
            signing.ensure_key()
            sync_roles()
        self.stdout.write(
            f"{added} data categories, {acts} legal acts, {loaded.purposes} purposes, {loaded.cells} cells of the"
            f" matrix, {loaded.forms} forms, {loaded.rules} retention rules, {terms} terms of the law, {days} days of"
            f" the calendar added; roles are in step."
        )
