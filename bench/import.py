"""How fast people come in: the import of the house against plain COPY and against django-import-export, in one run.

    .uv/bin/uv sync --group bench   # once: django-import-export
    .venv/bin/python bench/import.py [--people 1000000] [--default 200]

What is timed, each on this machine, one after another, in a database of its own that the real migrations made:

  import    `importing.examine` and `importing.load` of a CSV file: every cell checked, values sealed, people indexed,
            history written by its triggers, everything in one transaction. From the file's first byte to the commit.
  COPY      the very same rows (ciphertext, wrapped keys, digests) by plain COPY from a file into tables like the real
            ones, with their keys, indexes and constraints: what the database alone can do. Without foreign keys and
            triggers, so without history. Of all people: an index takes longer the more it holds. The goal of 25 % is
            of this.
  bare      the same into tables without anything: no key, no index, no constraint. The floor of all floors.
  default   the same rows by django-import-export's `ModelResource` with its default options into the real tables, of
            the first `--default` people: it is slow, so the rest is not waited for and its rate taken as constant
            (it is not: it falls with the number of rows, so this is kind to it).
  clear     for comparison, a person as one row of one plain table of clear text by the same default resource.

Memory is this process's own (VmRSS), told at every tenth, with the server process's.
"""

import argparse
import csv
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("KELISIM_VAR", "/var/tmp/kelisim-bench")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

NAME = "kelisim_bench_import"
LAST = ["Ахметов", "Серікбай", "Иванова", "Нұрланқызы", "Ким", "Оспанова", "Жүнісов", "Петров", "Қасымова", "Ли"]
FIRST = ["Айгерім", "Ерлан", "Анна", "Дәурен", "Мадина", "Сергей", "Гүлнар", "Тимур", "Әсел", "Ольга"]
PATRONYMIC = ["", "Ерланұлы", "Ивановна", "Серікқызы", "Петрович", "Маратұлы"]


def write_file(path: Path, people: int) -> None:
    """Invented people: a client number, IIN, name, phone, e-mail each; names vary as those of a real book do."""
    from subjects.identifiers import check_digit

    rnd = random.Random(94)
    endings = [chr(0x430 + a) + chr(0x430 + b) for a in range(0, 28, 3) for b in range(0, 28, 3)]
    first_day = date(1950, 1, 1)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(["client_number", "iin", "last_name", "first_name", "patronymic", "phone", "email", "language"])
        seen: set[int] = set()
        for number in range(people):
            while True:
                born = first_day + timedelta(days=rnd.randrange(20_000))
                century = "3456"[(born.year >= 2000) * 2 + rnd.randrange(2)]
                eleven = f"{born:%y%m%d}{century}{rnd.randrange(10_000):04d}"
                digit = check_digit(eleven)
                if digit is not None and digit < 10 and int(eleven) not in seen:
                    seen.add(int(eleven))
                    break
            last = rnd.choice(LAST) + rnd.choice(endings)
            first = rnd.choice(FIRST) + rnd.choice(endings)
            writer.writerow(
                [f"BENCH-{number:07d}", f"{eleven}{digit}", last, first, rnd.choice(PATRONYMIC),
                 f"+7701{number % 10_000_000:07d}", f"client{number:07d}@example.kz", rnd.choice(("kk", "ru"))]
            )  # fmt: skip


def megabytes(pid: int | str = "self", what: str = "VmRSS") -> float:
    """Resident memory of a process in MB."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(what))


class Clock:
    """Wall and processor seconds since it was made: on a machine that others use too, the latter tell more."""

    def __init__(self, connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (self.server,) = cursor.fetchone()
        self.begin = time.perf_counter(), time.process_time(), self._of_server()

    def _of_server(self) -> float:
        fields = Path(f"/proc/{self.server}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def told(self, what: str, people: int) -> float:
        """The wall seconds; the processors' are printed as microseconds a person."""
        wall, own = time.perf_counter() - self.begin[0], time.process_time() - self.begin[1]
        server = self._of_server() - self.begin[2]
        print(
            f"  {what}: wall {wall / people * 1e6:,.0f} µs a person,"
            f" processor {own / people * 1e6:,.0f} µs here and {server / people * 1e6:,.0f} µs in the server",
            flush=True,
        )
        return wall


@contextmanager
def database(connection) -> Iterator[None]:
    """An empty database of its own, a copy of one that the real migrations made; dropped afterwards."""
    from django.core.management import call_command

    base, template = connection.settings_dict["NAME"], f"{NAME}_migrated"
    _drop(connection)
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [template])
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{template}"')
    connection.close()
    connection.settings_dict["NAME"] = template
    call_command("migrate", verbosity=0)
    connection.close()
    connection.settings_dict["NAME"] = base
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{NAME}" TEMPLATE "{template}"')
    connection.close()
    connection.settings_dict["NAME"] = NAME
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = base
        _drop(connection)


def _drop(connection) -> None:
    """Drop it; the server's own cleaner, which only its owner may send away, is waited for."""
    from django.db.utils import ProgrammingError

    for patience in range(60, -1, -1):
        try:
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{NAME}" WITH (FORCE)')
            return
        except ProgrammingError:
            if not patience:
                raise
            time.sleep(1)


def run_import(path: Path, people: int, connection) -> float:
    """Seconds of the import of the whole file."""
    from subjects import importing

    clock, told = Clock(connection), 0
    server = clock.server

    def progress(done: int, total: int) -> None:
        nonlocal told
        if done * 10 // total > told:
            told = done * 10 // total
            seconds = time.perf_counter() - begin
            print(
                f"  written {done:>9,} of {total:,} after {seconds:7.1f} s"
                f"   memory {megabytes():5.0f} MB, server {megabytes(server, 'RssAnon'):5.0f} MB",
                flush=True,
            )

    begin = time.perf_counter()
    with path.open("rb") as stream:
        checked = importing.examine(stream, language="kk")
        looked = time.perf_counter() - begin
        assert not checked.problems, checked.problems[:3]
        assert checked.total == people
        print(f"  checked {checked.total:>9,} rows after {looked:7.1f} s   memory {megabytes():5.0f} MB", flush=True)
        outcome = importing.load(checked.rows, progress=progress)
    assert outcome.created == people
    return clock.told("import", people)


TABLES = ("DataSubject", "SubjectKey", "PersonalData", "SearchKey")


def rows_of(folder: Path, connection) -> dict[str, Path]:
    """{model: a file of its rows as COPY reads them} as the import wrote them."""
    from subjects import models

    found = {name: folder / f"{name}.rows" for name in TABLES}
    with connection.cursor() as cursor:
        for name, path in found.items():
            model = getattr(models, name)
            query = f"SELECT {', '.join(columns_of(model))} FROM {model._meta.db_table} ORDER BY id"
            with path.open("wb") as file, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
                for block in copy:
                    file.write(block)
    return found


def columns_of(model) -> list[str]:
    """Those the import writes; the database fills the rest."""
    return [f.column for f in model._meta.concrete_fields if not f.generated]


def run_copy(rows: dict[str, Path], people: int, connection, *, like: str) -> float:
    """Seconds to COPY the rows into fresh tables made LIKE the real ones, and commit."""
    from django.db import transaction

    from subjects import models

    with connection.cursor() as cursor:
        for name in TABLES:
            model = getattr(models, name)
            if like:
                cursor.execute(f"CREATE TABLE bench_{name} (LIKE {model._meta.db_table} {like})")
            else:
                columns = ", ".join(columns_of(model))
                cursor.execute(f"CREATE TABLE bench_{name} AS SELECT {columns} FROM {model._meta.db_table} LIMIT 0")
        clock = Clock(connection)
        with transaction.atomic():
            for name in TABLES:
                columns = ", ".join(columns_of(getattr(models, name)))
                copying = f"COPY bench_{name} ({columns}) FROM STDIN"
                with rows[name].open("rb") as file, cursor.copy(copying) as copy:
                    while block := file.read(1 << 20):
                        copy.write(block)
        seconds = clock.told("COPY" if like else "bare", people)
        for name in TABLES:
            cursor.execute(f"DROP TABLE bench_{name}")
    return seconds


def run_default(people: int, connection) -> float:
    """Seconds of django-import-export's default for the same rows; the people are taken out and put back by it."""
    import tablib
    from import_export import resources, widgets

    from subjects import models

    class Bytes(widgets.Widget):
        """Its differences are text."""

        def render(self, value, obj=None, **kwargs) -> str:
            return bytes(value or b"").hex()

    datasets = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM subjects_datasubject ORDER BY id DESC OFFSET %s LIMIT 1", [people - 1])
        (first,) = cursor.fetchone()
        for name in TABLES:
            model = getattr(models, name)
            fields = [f.name for f in model._meta.concrete_fields if not f.generated]
            column = "id" if name == "DataSubject" else "subject_id"
            columns = ", ".join(columns_of(model))
            cursor.execute(f"SELECT {columns} FROM {model._meta.db_table} WHERE {column} >= {first} ORDER BY id")
            datasets.append((model, tablib.Dataset(*cursor.fetchall(), headers=fields)))
        for model, _dataset in reversed(datasets):
            column = "id" if model is models.DataSubject else "subject_id"
            cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {column} >= {first}")
    resource_of = resources.modelresource_factory
    begin = time.perf_counter()
    for model, dataset in datasets:
        binary = {f.name for f in model._meta.concrete_fields if f.get_internal_type() == "BinaryField"}
        fields = {name: resources.Field(column_name=name, attribute=name, widget=Bytes()) for name in binary}
        result = resource_of(model, custom_fields=fields)().import_data(dataset, raise_errors=True)
        assert not result.has_errors()
    return time.perf_counter() - begin


def run_clear(path: Path, people: int, connection) -> float:
    """Seconds of the same default for the cells of the file in clear, one row of one plain table a person."""
    import tablib
    from django.db import models
    from import_export import resources

    class BenchPerson(models.Model):  # noqa: DJ008
        client_number = models.CharField(max_length=40, unique=True)
        iin, last_name, first_name, patronymic, phone, email, language = (
            models.CharField(max_length=200) for _ in range(7)
        )

        class Meta:
            app_label = "subjects"

    with connection.schema_editor() as editor:
        editor.create_model(BenchPerson)
    with path.open(encoding="utf-8") as stream:
        rows = csv.reader(stream, delimiter=";")
        header = next(rows)
        dataset = tablib.Dataset(*(next(rows) for _ in range(people)), headers=header)
    resource = resources.modelresource_factory(BenchPerson)
    resource._meta.import_id_fields = ["client_number"]
    begin = time.perf_counter()
    result = resource().import_data(dataset, raise_errors=True)
    seconds = time.perf_counter() - begin
    assert not result.has_errors()
    return seconds


def main() -> None:
    """Run and print all of it; exit 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--default", type=int, default=200, help="people for django-import-export")
    options = parser.parse_args()
    people, default = options.people, min(options.default, options.people)

    from config import embedded

    engines = embedded.ensure(own=True)
    import django

    django.setup()
    from django.db import connection

    from audit.actor import acting_as
    from subjects import registers

    with engines.running(), tempfile.TemporaryDirectory(dir=os.environ["KELISIM_VAR"]) as folder, database(connection):
        path = Path(folder) / "people.csv"
        write_file(path, people)
        print(
            f"{people:,} people, {path.stat().st_size / 1e6:.0f} MB of CSV; memory before {megabytes():.0f} MB",
            flush=True,
        )
        with acting_as("command:bench@bench"):
            registers.load()
            ours = people / run_import(path, people, connection)
            peak = megabytes(what="VmHWM")
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
                counts = {}
                for table in ("datasubject", "subjectkey", "personaldata", "searchkey", "historicaldatasubject",
                              "historicalpersonaldata"):  # fmt: skip
                    cursor.execute(f"SELECT count(*) FROM subjects_{table}")
                    counts[table] = cursor.fetchone()[0]
            rows = rows_of(Path(folder), connection)
            bare = people / run_copy(rows, people, connection, like="")
            plain = people / run_copy(rows, people, connection, like="INCLUDING ALL")
            slow = default / run_default(default, connection)
            clear = default / run_clear(path, default, connection)
    print("rows written:", ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    print(f"import   {ours:10,.0f} people/s   (peak memory {peak:.0f} MB)")
    print(f"COPY     {plain:10,.0f} people/s   import is {ours / plain:6.1%} of it   (goal 25 %)")
    print(f"bare     {bare:10,.0f} people/s   import is {ours / bare:6.1%} of it   no key, no index")
    print(
        f"default  {slow:10,.1f} people/s   import is {ours / slow:6.0f} x     (goal 100 x)"
        f"  {default:,} people, extrapolated"
    )
    print(f"clear    {clear:10,.1f} people/s   import is {ours / clear:6.0f} x     one clear row a person")
    if ours < 0.25 * plain or ours < 100 * slow:
        sys.exit("a goal is missed")


if __name__ == "__main__":
    main()
