"""The real thing: a web server, Celery workers, beat, Redis, PostgreSQL and an SMTP server, as separate processes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
from celery import current_app
from django.db import connection

from config import embedded
from config.engines import Pair, stop
from config.processes import free_port, wait_until
from config.smtp_sink import Sink
from notifications.enums import TERMINAL
from notifications.models import Letter
from staff.models import Operator

ROOT = Path(__file__).parents[2]


class Broker:
    """A Redis of the test's own: other tests' workers must not hear its bells, and it can be killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.pair = Pair.of(folder)
        self.url = self.pair.redis_url
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = self.pair.start_redis()
        until(self.pair._redis_answers, seconds=10, what="Redis answers")

    def kill(self) -> None:
        stop(self.process, signal.SIGKILL)

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(embedded.redis_client_url(self.url))

    def remove(self) -> None:
        self.kill()
        for folder in {self.pair.place.home, self.pair.place.sockets}:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def broker(tmp_path, settings) -> Iterator[Broker]:
    """This process rings there too."""
    own = Broker(tmp_path / "redis")
    own.start()
    before = current_app.conf.broker_url
    settings.CELERY_BROKER_URL = own.url
    _ring_at(own.url)
    try:
        yield own
    finally:
        _ring_at(before)
        own.remove()


def _ring_at(url: str) -> None:
    app = current_app._get_current_object()
    app.conf.broker_url = url
    app._after_fork()  # Celery's own way to forget the connections it keeps


class House:
    """Starts the processes of the house against this test's database, Redis and SMTP server."""

    def __init__(self, folder: Path, broker: Broker, sink: Sink) -> None:
        self.folder, self.log = folder, folder / "processes.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        database = urlsplit(os.environ["DATABASE_URL"])
        self.env = {
            **os.environ,
            "DATABASE_URL": urlunsplit(database._replace(path=f"/{connection.settings_dict['NAME']}")),
            "REDIS_URL": broker.url,
            "EMAIL_URL": f"smtp://127.0.0.1:{sink.port}",
            "KELISIM_EMAIL_SENDER": "kelisim@example.kz",
            "KELISIM_PORT": str(self.port),
            "KELISIM_SITE_URL": self.url,
            "KELISIM_LETTER_LEASE_SECONDS": "4",
            "KELISIM_HEARTBEAT_STALE_SECONDS": "12",
            "KELISIM_DB_POOL": "0",
            "PYTHONUNBUFFERED": "1",
        }

    def worker(self):
        return self._process(worker_command())

    def beat(self):
        schedule = str(self.folder / "beat")
        return self._process(celery("beat", "--schedule", schedule, "--pidfile", "", "--loglevel", "WARNING"))

    @contextmanager
    def web(self) -> Iterator[subprocess.Popen]:
        command = [sys.executable, "-W", "ignore", "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--blocking-threads", "4", "config.wsgi:application"]
        with self._process(command, KELISIM_DB_POOL="1") as child:
            wait_until(f"{self.url}/healthz", 30)
            yield child

    @contextmanager
    def _process(self, argv: list[str], **env: str) -> Iterator[subprocess.Popen]:
        """A process group of its own; whatever is left of it at the end is killed."""
        with self.log.open("ab") as output:
            child = subprocess.Popen(
                argv, cwd=ROOT, env=self.env | env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            yield child
        except BaseException:
            print(self.log.read_text(errors="replace")[-4000:])
            raise
        finally:
            kill_group(child)


def kill_group(child: subprocess.Popen) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def celery(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "celery", "-A", "config.celery:app", *arguments]


def worker_command() -> list[str]:
    return celery("worker", "--concurrency", "2", "--loglevel", "WARNING", "--without-gossip", "--without-mingle")


@pytest.fixture
def sink(tmp_path) -> Iterator[Sink]:
    with Sink(tmp_path / "mail", kept=100_000) as running:
        yield running


@pytest.fixture
def house(transactional_db, tmp_path, broker, sink) -> House:
    Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
    return House(tmp_path, broker, sink)


def until(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Wait for something that another process does; `seconds` on a quiet machine, three times that on a loaded one.

    What must be quick by promise is measured by the test itself.
    """
    end = time.monotonic() + 3 * seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {3 * seconds} s: {what}")
        time.sleep(0.1)


def open_letters() -> int:
    """Letters that are not at their end."""
    return Letter.objects.exclude(state__in=TERMINAL).count()
