"""The real thing: a web server, Celery workers, beat, Redis, PostgreSQL and an SMTP server, as separate processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from config.processes import free_port
from config.smtp_sink import Sink

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sink(tmp_path) -> Iterator[Sink]:
    with Sink(tmp_path / "mail", host="127.0.0.1", kept=100_000) as running:
        yield running


@pytest.fixture
def port() -> int:
    return free_port(8200 + os.getpid() % 500)


@pytest.fixture
def house_env(sink, port) -> dict[str, str]:
    """The environment in which other processes see this test's database, mail server and Redis."""
    database = urlsplit(os.environ["DATABASE_URL"])
    return {
        **os.environ,
        "DATABASE_URL": urlunsplit(database._replace(path=f"/{connection.settings_dict['NAME']}")),
        "EMAIL_URL": f"smtp://127.0.0.1:{sink.port}",
        "KELISIM_EMAIL_SENDER": "kelisim@example.kz",
        "KELISIM_PORT": str(port),
        "KELISIM_SITE_URL": f"http://127.0.0.1:{port}",
        "KELISIM_LETTER_LEASE_SECONDS": "4",
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def process(argv: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen]:
    """A process group of its own; whatever is left of it at the end is killed."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield child
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


WORKER = celery("worker", "--concurrency", "2", "--loglevel", "WARNING", "--without-gossip", "--without-mingle")


def until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.2)
