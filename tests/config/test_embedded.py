"""The engines, for real: each test starts them in processes of its own, in a fresh `KELISIM_VAR`, and kills some."""

import base64
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from kombu import Connection

from config import embedded
from config.engines import EngineError, started_at

ROOT = Path(embedded.__file__).parent.parent
OURS = {"DATABASE_URL", "REDIS_URL", "KELISIM_VAR", "KELISIM_ENV", "KELISIM_TEST_PG"}

START = """
import json, os, sys, time
from config import embedded
begin = time.monotonic()
try:
    engines = embedded.ensure(durable=False, own="own" in sys.argv)
except embedded.EngineError as error:
    print(json.dumps({"error": str(error)}), flush=True)
    sys.exit(1)
print(json.dumps({"seconds": time.monotonic() - begin, "owned": engines.owned, "pid": os.getpid(),
                  "var": os.environ["KELISIM_VAR"], "url": os.environ["DATABASE_URL"],
                  "redis": os.environ["REDIS_URL"]}), flush=True)
"""
HOLD = START + "with engines.running():\n    sys.stdin.read()\n"
HOLD_BARE = START + "time.sleep(600)\n"


class Commands:
    """Processes that call `ensure()` in one `KELISIM_VAR`."""

    def __init__(self, var: Path) -> None:
        self.var, self.started = var, []
        self.env = {name: value for name, value in os.environ.items() if name not in OURS} | {"KELISIM_VAR": str(var)}

    def begin(self, code: str, *arguments: str, **env: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=ROOT,
            env=self.env | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def says(self, process: subprocess.Popen) -> dict:
        return json.loads(process.stdout.readline())

    def hold(self, *arguments: str, code: str = HOLD, **env: str) -> tuple[subprocess.Popen, dict]:
        process = self.begin(code, *arguments, **env)
        return process, self.says(process)

    def once(self, **env: str) -> dict:
        process, said = self.hold(**env)
        process.communicate(timeout=20)
        return said

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()
        for file in self.var.parent.glob(f"{self.var.name}*/engines.json"):
            known = json.loads(file.read_text())
            ours = [
                pid for pid, start in known["processes"].values() if started_at(pid) == start and pid != os.getpid()
            ]
            for pid in wait_for_end(ours, seconds=5):
                os.kill(pid, signal.SIGKILL)
            home = Path(known["database_url"].partition("host=")[2])
            assert home.name.startswith("kelisim-") or home.is_relative_to(file.parent)
            shutil.rmtree(home)


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    commands = Commands(tmp_path / "var")
    yield commands
    commands.end()


def descendants(pid: int) -> list[int]:
    """Of a process that has just ended there are none."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def name_of(pid: int) -> str | None:
    """None once it has ended: PostgreSQL has children that live for a moment."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None


def wait_for_end(pids: list[int], *, seconds: float) -> list[int]:
    """The processes that still live after `seconds`."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if started_at(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def ask(url: str, sql: str, user: str | None = None) -> tuple:
    with psycopg.connect(url, **({"user": user} if user else {}), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchone() if cursor.description else ()


def test_the_data_of_the_first_start_are_there_at_the_second_which_is_quick(commands: Commands):
    holder, said = commands.hold()
    ask(said["url"], "CREATE TABLE kept AS SELECT 7 AS n")
    holder.communicate()
    holder, said = commands.hold()
    assert ask(said["url"], "SELECT n FROM kept") == (7,)
    assert said["seconds"] < 2


@pytest.mark.parametrize("code", [HOLD, HOLD_BARE], ids=["in running()", "plainly"])
def test_nothing_is_left_five_seconds_after_the_owner_was_killed(commands: Commands, code: str):
    owner, said = commands.hold(code=code)
    with psycopg.connect(said["url"]):  # a backend is busy while it happens
        family = descendants(owner.pid)
        names = set(map(name_of, family))
        assert {"postgres", "redis-server"} <= names
        assert len(family) > 4
        owner.send_signal(signal.SIGKILL)
        assert wait_for_end(family, seconds=5) == []


def test_after_a_killed_owner_the_next_command_starts_at_once_and_finds_the_data(commands: Commands):
    owner, said = commands.hold()
    ask(said["url"], "CREATE TABLE kept AS SELECT 7 AS n")
    owner.send_signal(signal.SIGKILL)
    _holder, said = commands.hold()
    assert said["owned"]
    assert ask(said["url"], "SELECT n FROM kept") == (7,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_told_owner_ends_only_when_its_engines_are_gone(commands: Commands, number: signal.Signals):
    owner, _said = commands.hold()
    family = descendants(owner.pid)
    owner.send_signal(number)
    owner.wait(60)
    # the postmaster is gone; the kernel may still be burying its children
    assert wait_for_end(family, seconds=2) == []
    # -15: told before it had begun to listen; the engines died with it all the same
    assert owner.returncode in ((143, -15) if number == signal.SIGTERM else (-signal.SIGINT,))


def test_of_two_who_start_at_once_one_owns_and_both_are_served(commands: Commands):
    both = [commands.begin(HOLD) for _ in range(2)]
    said = [commands.says(process) for process in both]
    assert sorted(one["owned"] for one in said) == [False, True]
    assert len({one["url"] for one in said}) == 1
    assert [ask(one["url"], "SELECT 1") for one in said] == [(1,), (1,)]


def test_another_command_uses_the_engines_and_leaves_them_running(commands: Commands):
    _owner, said = commands.hold()
    guest = commands.once()
    assert not guest["owned"]
    assert guest["url"] == said["url"]
    assert ask(said["url"], "SELECT 1") == (1,)


def test_who_must_not_lose_its_engines_gets_a_folder_of_its_own(commands: Commands):
    _owner, said = commands.hold()
    _other, own = commands.hold("own")
    assert own["owned"]
    assert own["var"] == f"{commands.var}-2"
    assert own["url"] != said["url"]


def test_a_reused_pid_is_not_taken_for_the_owner(commands: Commands):
    said = commands.once()
    known = json.loads((commands.var / "engines.json").read_text())
    known["processes"] = {name: [os.getpid(), "1"] for name in known["processes"]}
    (commands.var / "engines.json").write_text(json.dumps(known))
    _holder, said = commands.hold()
    assert said["owned"]
    assert ask(said["url"], "SELECT 1") == (1,)


def test_an_engine_that_died_before_it_was_written_down_is_not_taken_for_living(commands: Commands):
    commands.once()
    known = json.loads((commands.var / "engines.json").read_text())
    known["processes"]["postgres"][1] = None
    (commands.var / "engines.json").write_text(json.dumps(known))
    _holder, said = commands.hold()
    assert said["owned"]
    assert ask(said["url"], "SELECT 1") == (1,)


def test_owner_alive_and_postgres_dead_is_said_in_a_sentence(commands: Commands):
    owner, _said = commands.hold()
    pid, _start = json.loads((commands.var / "engines.json").read_text())["processes"]["postgres"]
    os.kill(pid, signal.SIGKILL)
    wait_for_end([pid], seconds=5)
    _guest, said = commands.hold()
    assert f"Process {owner.pid} owns the engines" in said["error"]


def test_a_path_too_long_or_too_odd_for_a_socket_works(tmp_path: Path):
    commands = Commands(tmp_path / "папка с пробелом" / ("long" * 30) / "var")
    try:
        _holder, said = commands.hold()
        assert len(str(commands.var)) > 107
        assert ask(said["url"], "SELECT 1") == (1,)
        assert redis.Redis.from_url(embedded.redis_client_url(said["redis"])).ping()
    finally:
        commands.end()


def test_no_mode_of_a_folder_above_changes_and_strangers_stay_out(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    commands = Commands(closed / "var")
    above = [closed, *closed.parents, ROOT, *ROOT.parents]
    before = [path.stat().st_mode for path in above]
    try:
        _holder, said = commands.hold()
        assert [path.stat().st_mode for path in above] == before
        sockets = Path(said["url"].partition("host=")[2])
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert stat.S_IMODE(commands.var.stat().st_mode) == 0o700
    finally:
        commands.end()


def test_a_folder_that_somebody_else_put_there_first_is_refused(commands: Commands):
    if os.geteuid() != 0:
        pytest.skip("only root can play somebody else")
    commands.once()
    home = Path(json.loads((commands.var / "engines.json").read_text())["database_url"].partition("host=")[2])
    os.chown(home, 1, 1)
    _holder, said = commands.hold()
    assert said["error"].startswith(f"{home} belongs to somebody else")


@pytest.mark.parametrize("version", ["18", "15"])
def test_the_application_owns_its_database_and_is_no_superuser(commands: Commands, version: str):
    if version == "15" and not Path("/usr/lib/postgresql/15/bin/postgres").exists():
        pytest.skip("no PostgreSQL 15 on this machine")
    _holder, said = commands.hold(**({"KELISIM_TEST_PG": version} if version == "15" else {}))
    assert ask(said["url"], "SHOW server_version")[0].startswith(version)
    role = "SELECT rolsuper, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname = current_user"
    assert ask(said["url"], role) == (False, True, True)
    assert ask(said["url"], "SELECT pg_get_userbyid(datdba), datcollate, pg_encoding_to_char(encoding) FROM pg_database"
               " WHERE datname = 'kelisim'") == ("kelisim", "C.UTF-8", "UTF8")  # fmt: skip
    assert ask(said["url"], "SELECT upper('әіңғүұқөһ'), lower('ӘІҢҒҮҰҚӨҺ')") == ("ӘІҢҒҮҰҚӨҺ", "әіңғүұқөһ")
    assert ask(said["url"], "SHOW listen_addresses") == ("",)
    ask(said["url"], "CREATE EXTENSION btree_gist")


def test_an_absent_version_is_named(commands: Commands):
    _holder, said = commands.hold(KELISIM_TEST_PG="9")
    assert said["error"] == "KELISIM_TEST_PG=9 needs /usr/lib/postgresql/9/bin/postgres: apt-get install postgresql-9"


def test_a_database_that_does_not_know_kazakh_letters_is_refused(commands: Commands):
    _holder, said = commands.hold()
    ask(said["url"].replace("/kelisim?", "/postgres?"), "DROP DATABASE kelisim", user="postgres")
    make = "CREATE DATABASE kelisim OWNER kelisim TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    ask(said["url"].replace("/kelisim?", "/postgres?"), make, user="postgres")
    _holder.communicate()
    _holder, said = commands.hold()
    assert "upper('ә') is not 'Ә'" in said["error"]


def test_when_the_folder_was_deleted_its_data_do_not_come_back(commands: Commands):
    holder, said = commands.hold()
    ask(said["url"], "CREATE TABLE kept AS SELECT 7 AS n")
    holder.communicate()
    shutil.rmtree(commands.var)
    _holder, said = commands.hold()
    assert ask(said["url"], "SELECT to_regclass('kept')") == (None,)


def test_redis_answers_celery_and_redis_py_and_nobody_by_tcp(commands: Commands):
    _holder, said = commands.hold()
    with redis.Redis.from_url(embedded.redis_client_url(said["redis"])) as client:
        assert client.ping()
        assert client.config_get("port", "save", "appendonly") == {"port": "0", "save": "", "appendonly": "no"}
    with Connection(said["redis"]) as broker, broker.SimpleQueue("proof") as queue:
        queue.put({"id": 1})
        assert queue.get(timeout=5).payload == {"id": 1}


def test_other_brokers_are_left_as_they_are():
    assert embedded.redis_client_url("rediss://:secret@host:6379/0") == "rediss://:secret@host:6379/0"


def test_the_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path):
    first = embedded.secrets(tmp_path / "var")
    assert embedded.secrets(tmp_path / "var") == first
    assert stat.S_IMODE((tmp_path / "var" / "secrets.env").stat().st_mode) == 0o600
    number, _, key = first["KELISIM_KEY_ENCRYPTION_KEYS"].partition(":")
    assert (number, len(base64.b64decode(key)), len(base64.b64decode(first["KELISIM_INDEX_KEY"]))) == ("1", 32, 32)
    assert len(first["SECRET_KEY"]) >= 50
    assert embedded.secrets(tmp_path / "other") != first


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(embedded, "_current", None)  # pytest's own, where it runs without workers
    return lambda **env: [monkeypatch.setenv(name, value) for name, value in env.items()]


def test_production_starts_nothing(bare: Callable[..., None], tmp_path: Path):
    bare(KELISIM_ENV="production")
    assert embedded.ensure(tmp_path / "var") is None
    assert not (tmp_path / "var").exists()


def test_one_address_without_the_other_is_refused(bare: Callable[..., None], tmp_path: Path):
    bare(DATABASE_URL="postgres://somewhere/kelisim")
    with pytest.raises(EngineError, match="DATABASE_URL is set alone"):
        embedded.ensure(tmp_path / "var")


def test_a_command_says_it_in_a_sentence(bare: Callable[..., None], tmp_path: Path):
    bare(DATABASE_URL="postgres://somewhere/kelisim", KELISIM_VAR=str(tmp_path / "var"))
    done = subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "DATABASE_URL is set alone: set both DATABASE_URL and REDIS_URL, or neither.\n"


def test_given_addresses_are_used_as_they_are(bare: Callable[..., None], tmp_path: Path):
    bare(DATABASE_URL="postgres://somewhere/kelisim", REDIS_URL="redis://somewhere/0")
    engines = embedded.ensure(tmp_path / "var")
    assert engines is not None
    assert not engines.owned
    assert not (tmp_path / "var").exists()
