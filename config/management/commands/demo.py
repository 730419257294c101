import io
import os
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config import embedded
from config.demo import data
from config.demo.people import people
from config.embedded import Engines
from config.processes import ProcessError, Processes, Program, free_port
from notifications.models import Heartbeat
from policies.enums import State
from policies.models import PolicyVersion
from subjects import audience

READY_SECONDS = 100  # the first start of a slow machine; usually five
# Celery warns root, Granian warns of what it passes on: a newcomer can do nothing about either
PYTHON = (sys.executable, "-W", "ignore", "-m")


class Command(BaseCommand):
    help = "The whole house with invented people: engines, web, worker, beat, a mailbox. Ctrl-C ends all of it."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data-only", action="store_true", help="load the people and texts, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        begin = time.monotonic()
        if settings.PRODUCTION:
            raise CommandError("A production has no place for invented people: the demo needs KELISIM_ENV=embedded.")
        engines = embedded.ensure()
        assert engines
        fresh = os.environ.get("FRESH", "") not in ("", "0")
        if not engines.owned and (fresh or not options["data_only"]):
            whose = f"process {engines.owner}: end it" if engines.owner else "DATABASE_URL and REDIS_URL: unset them"
            raise CommandError(
                f"PostgreSQL and Redis are somebody else's, those of {whose}. "
                "To load the data of the demo there: manage.py demo --data-only, without FRESH=1."
            )
        if not options["data_only"] and free_port(settings.PORT) != settings.PORT:
            raise CommandError(f"Port {settings.PORT} is taken. Choose another: KELISIM_PORT=8001 make demo")
        try:
            with engines.running():
                if fresh:
                    self._forget(engines)
                passwords = self._load()
                if options["data_only"]:
                    self.stdout.write("The data of the demo are there.")
                else:
                    self._serve(passwords, begin)
        except KeyboardInterrupt:
            raise CommandError("Stopped before it was up; the next start goes on from here.") from None
        except (ProcessError, TimeoutError) as error:
            raise CommandError(f"{error} What the process said stands above.") from None

    def _forget(self, engines: Engines) -> None:
        """A database as new, and an empty mailbox; keys and passwords stay."""
        assert engines.owned
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        for letter in _mail().glob("*.eml"):
            letter.unlink()

    def _load(self) -> dict[str, str]:
        if not connection.introspection.table_names():
            self._say("The first start makes the tables and invents 500 people: about a minute.")
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):  # or a second start would wait for nothing
            call_command("migrate", verbosity=0, interactive=False)
        call_command("load_registers", stdout=io.StringIO())
        return data.load()

    def _say(self, line: str) -> None:
        """At once, also into a file: whoever waits reads it."""
        self.stdout.write(line)
        self.stdout.flush()

    def _serve(self, passwords: dict[str, str], begin: float) -> None:
        words = self._words(passwords)
        # of the last time: /readyz would take them for this worker's and beat's
        Heartbeat.objects.all().delete()
        connection.close()
        with Processes(_programs(), cwd=str(settings.BASE_DIR), out=sys.stdout) as processes:
            self._say(f"Starting {', '.join(processes.programs)}.")
            processes.wait_until(f"http://127.0.0.1:{settings.PORT}/readyz", READY_SECONDS)
            self._say(f"\nKelisim is up after {time.monotonic() - begin:.0f} s. Ctrl-C ends it.\n\n{words}")
            processes.watch()
        self.stdout.write("\nKelisim is down. `make demo` goes on where you left it, FRESH=1 begins anew.")

    def _words(self, passwords: dict[str, str]) -> str:
        """What a newcomer needs: addresses, names, a person to be, and what to do first."""
        site = settings.SITE_URL
        rows = [
            ("Policy", f"{site}/policy/", "what the public reads"),
            ("Cabinet", f"{site}/cabinet/", "where customers come"),
            ("Admin", f"{site}/admin/", "where staff work"),
            ("Mailbox", f"{site}/demo/mail/", "every letter the house sends"),
            ("Telephone", f"{site}/demo/telephone/", "every SMS the house sends"),
            ("Parts", f"{site}/demo/parts/", "what pages are made of"),
        ]
        lines = [f"  {name:<9} {address:<40} {what}" for name, address, what in rows]
        lines += ["", "  Sign in to the admin as:"]
        lines += [f"    {username:<14} {password}" for username, password in passwords.items()]
        lines += ["", "  Sign in to the cabinet with an IIN; the code comes to the mailbox:"]
        for person in people(timezone.localdate())[:3]:
            lines.append(f"    {person.iin}   {person.language}, {person.email}")
        waiting = PolicyVersion.objects.filter(state=State.APPROVED).order_by("number").last()
        if waiting:
            page = f"{site}/admin/policies/policyversion/{waiting.pk}/change/"
            lines += [
                "",
                "  First steps:",
                f"    1. Sign in as dpo, open version {waiting.number} of the policy and press “Publish”: {page}",
                f"    2. Watch {audience.count_people().size} letters go, then read one in the mailbox.",
                "    3. Sign in to the cabinet as a customer, see what changed and answer.",
            ]
        return "\n".join(lines) + "\n"


def _mail() -> Path:
    return Path(settings.VAR, "mail").absolute()


def _programs() -> list[Program]:
    """Mail, web, worker and beat, all of them on this machine alone."""
    mail_port = free_port(int(os.environ.get("KELISIM_SMTP_PORT") or 2525))
    env = {
        "KELISIM_SITE_URL": settings.SITE_URL,
        "KELISIM_PORT": str(settings.PORT),
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
        "KELISIM_PRETTY_LOGS": os.environ.get("KELISIM_PRETTY_LOGS", "1"),
    }
    celery = (*PYTHON, "celery", "-A", "config.celery:app", "--quiet")
    quiet = ("--loglevel", "WARNING")
    return [
        Program("mail", (*PYTHON, "config.smtp_sink", "--port", str(mail_port), "--folder", str(_mail()))),
        Program(
            "web",
            (
                *PYTHON, "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(settings.PORT),
                "--workers", "1", "--blocking-threads", "4", "--log-level", "warning", "config.wsgi:application",
            ),
            env={**env, "KELISIM_DB_POOL": "1"},
        ),
        Program(
            "worker",
            (*celery, "worker", "--concurrency", "2", *quiet, "--without-gossip", "--without-mingle"),
            env=env,
        ),
        Program(
            "beat",
            (*celery, "beat", "--schedule", str(Path(settings.VAR, "beat").absolute()), "--pidfile", "", *quiet),
            env=env,
        ),
    ]  # fmt: skip
