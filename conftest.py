"""One PostgreSQL and one Redis for the whole run, owned by pytest's controller; every worker has its own database.

The databases are clones of one template that the real migrations made. The cleaning after a `transaction=True`
test is the only thing anywhere that switches the protecting triggers off (DESIGN 3).
"""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
PROVE = os.environ.get("KELISIM_PROVE") == "1"
os.environ.setdefault("KELISIM_VAR", str(ROOT / "var" / "test"))

from config import embedded  # noqa: E402
from config.catalogues import compile_catalogues  # noqa: E402

embedded.ensure(durable=False, own=True)
if "PYTEST_XDIST_WORKER" not in os.environ:
    compile_catalogues()
# pytest-django would read the settings before this file
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

django.setup()

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
not_run: list[str] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "e2e" in item.path.parts:  # whole houses of processes: one at a time on two cores
            item.add_marker(pytest.mark.xdist_group("e2e"))
        if item.get_closest_marker("browser") and not BROWSER:
            item.add_marker(pytest.mark.skip(reason="no chromium on PATH"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and "browser" in report.keywords and not BROWSER:
        not_run.append(report.nodeid)


def pytest_terminal_summary(terminalreporter) -> None:
    if not_run:
        terminalreporter.write_line("")
        terminalreporter.write_line(
            f"{len(not_run)} browser tests NOT RUN: no chromium on PATH (make browser)", red=True, bold=True
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if not_run and os.environ.get("KELISIM_REQUIRE_BROWSER") == "1":
        session.exitstatus = 1


@pytest.fixture(scope="session")
def browser_path() -> str:
    if not BROWSER:
        pytest.skip("no chromium on PATH")
    return BROWSER


@pytest.fixture
def size():
    """`size(2000)` is 2000 in `make prove` and a twentieth of it (one of `parts`), at least `least`, in `make test`."""
    return lambda full, least=5, parts=20: full if PROVE else max(least, full // parts)


def _fingerprint() -> str:
    """Of all migrations, of the triggers' SQL and of the roles: another set is another template database."""
    digest = hashlib.sha256()
    for path in [*sorted(ROOT.glob("*/migrations/*.py")), *sorted(ROOT.glob("*/triggers.py")), ROOT / "staff/roles.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker):
    from django.db import connection

    from staff.services.roles import sync_roles

    with django_db_blocker.unblock():
        template, mine = f"test_{_fingerprint()}", f"test_{os.getpid()}"
        base = connection.settings_dict["NAME"]
        with connection._nodb_cursor() as lock:  # of the server: processes may share it and have folders of their own
            lock.execute("SELECT pg_advisory_lock(%s)", [int(_fingerprint(), 16)])
            connection.settings_dict["TEST"]["NAME"] = template
            with connection._nodb_cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [f"{template}_done"])
                done = cursor.fetchone()
            if not done:
                connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
                sync_roles()  # as after every deployment; a test's member of staff would else do it each time
                connection.close()
                connection.settings_dict["NAME"] = base
                with connection._nodb_cursor() as cursor:
                    cursor.execute(f'ALTER DATABASE "{template}" RENAME TO "{template}_done"')
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{mine}"')
                cursor.execute(f'CREATE DATABASE "{mine}" TEMPLATE "{template}_done"')
        connection.close()
        connection.settings_dict["NAME"] = mine
        os.environ["KELISIM_TEST_DATABASE"] = mine
    yield
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = base
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{mine}" WITH (FORCE)')


def empty_the_database() -> None:
    """Delete what a transaction=True test left; keeps what migrations, post_migrate and sync_roles made."""
    from django.db import connection, transaction

    keep = {"django_migrations", "django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}
    with transaction.atomic(), connection.cursor() as cursor:
        tables = [t for t in connection.introspection.table_names(cursor) if t not in keep]
        cursor.execute(" UNION ALL ".join(f"(SELECT '{t}' FROM \"{t}\" LIMIT 1)" for t in tables))
        full = [name for (name,) in cursor.fetchall()]
        for table in full:
            cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
        for table in full:
            cursor.execute(f'DELETE FROM "{table}"')
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in full:
            cursor.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')


@pytest.fixture(autouse=True, scope="session")
def _no_flush():
    from django.db import connection
    from django.test import TransactionTestCase

    def teardown(self) -> None:
        connection.close()  # whatever the test left in the session, the next one must not find
        empty_the_database()

    TransactionTestCase._fixture_teardown = teardown


@pytest.fixture(autouse=True)
def _actor(request: pytest.FixtureRequest):
    """Tests write as a job of their own; `@pytest.mark.nobody` for those that ask what happens without an actor."""
    needs_database = request.node.get_closest_marker("django_db") or {
        "db",
        "transactional_db",
        "live_server",
    } & set(request.fixturenames)
    if not needs_database or request.node.get_closest_marker("nobody"):
        yield
        return
    request.getfixturevalue("_django_db_helper")
    from audit.actor import acting_as

    with acting_as("job:test"):
        yield


@pytest.fixture(autouse=True)
def _language():
    """A request leaves its language behind in the thread; the next test begins in the house's own."""
    yield
    from django.utils import translation

    translation.deactivate()
