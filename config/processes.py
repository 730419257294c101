"""The processes of the demo: started together, restarted when one dies, stopped together.

honcho gives the coloured prefixes. Its Manager is not used: it ends all processes when one ends (here a killed worker
comes back), and after its own SIGKILL they stay, since each hangs on a helper process that ignores signals.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException
from types import TracebackType
from typing import TextIO
from urllib.request import ProxyHandler, build_opener

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from config.engines import die_with_parent

STOP_SECONDS = 7  # then SIGKILL; the promise for all of them together is 10 s
RESTART_AFTER = 0.5
HOPELESS = (5, 30.0)  # so many ends within so many seconds are a fault that a restart does not mend


class ProcessError(RuntimeError):
    """A process cannot be kept running; the sentence names it."""


@dataclass
class Program:
    """One process: its command and what its environment has beyond ours."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    restart_at: float | None = field(default=None, repr=False)
    ends: deque[float] = field(default_factory=lambda: deque(maxlen=HOPELESS[0]), repr=False)


class Processes:
    """`with Processes(programs) as them: them.wait_until(url, 60); them.watch()`; use it from the main thread only.

    Each program leads a process group of its own and gets SIGTERM when this process dies, even by SIGKILL.
    """

    def __init__(self, programs: Sequence[Program], *, cwd: str | None = None, out: TextIO = sys.stdout) -> None:
        self.programs = {program.name: program for program in programs}
        self.cwd = cwd
        self.printer = Printer(out, width=max(len(name) for name in self.programs))
        self.colours = dict(zip(self.programs, get_colours(), strict=False))
        self.printing = threading.Lock()

    def __enter__(self) -> "Processes":
        try:
            for program in self.programs.values():
                self._start(program)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def watch(self) -> None:
        """Restart what dies, until Ctrl-C (returns) or SystemExit from a signal handler (goes on upwards).

        ProcessError when a program ends five times within 30 s.
        """
        with suppress(KeyboardInterrupt):
            while True:
                self.look_after()
                time.sleep(0.1)

    def look_after(self) -> None:
        """One round: whoever died is cleared away with its children, and started again half a second later."""
        for program in self.programs.values():
            if program.process and (code := program.process.poll()) is not None:
                self._kill_group(program)
                self._say(program.name, f"ended ({_how(code)}), starts again")
                now = time.monotonic()
                program.ends.append(now)
                if len(program.ends) == HOPELESS[0] and now - program.ends[0] < HOPELESS[1]:
                    raise ProcessError(f"{program.name} ended {HOPELESS[0]} times within {HOPELESS[1]:.0f} s.")
                program.process, program.restart_at = None, now + RESTART_AFTER
            elif program.restart_at and time.monotonic() >= program.restart_at:
                self._start(program)

    def wait_until(self, url: str, seconds: float) -> None:
        """Until `url` answers 200, looking after the processes meanwhile; TimeoutError after `seconds`."""
        wait_until(url, seconds, meanwhile=self.look_after)

    def stop(self) -> None:
        """End them all: SIGTERM, after 7 s SIGKILL to whole groups. A second Ctrl-C does not interrupt it."""
        in_main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
        try:
            running = [program for program in self.programs.values() if program.process]
            for program in running:
                assert program.process
                program.process.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            for program in running:
                assert program.process
                with suppress(subprocess.TimeoutExpired):
                    program.process.wait(max(0.01, deadline - time.monotonic()))
                self._kill_group(program)
                program.process.wait(2)
                program.process = program.restart_at = None
        finally:
            if in_main:
                signal.signal(signal.SIGINT, before)

    def _start(self, program: Program) -> None:
        program.restart_at = None
        program.process = subprocess.Popen(
            list(program.argv),
            cwd=self.cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **program.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        threading.Thread(target=self._relay, args=(program.name, program.process, program.quiet), daemon=True).start()

    def _relay(self, name: str, process: subprocess.Popen[bytes], quiet: bool) -> None:
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                if not quiet:
                    self._say(name, line)

    def _say(self, name: str, text: str | bytes) -> None:
        with self.printing, suppress(ValueError, BrokenPipeError):
            self.printer.write(Message("line", text, datetime.now(), name, self.colours.get(name)))  # noqa: DTZ005

    @staticmethod
    def _kill_group(program: Program) -> None:
        """The leader may have left children that would hold its port or its letters."""
        assert program.process
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(program.process.pid, signal.SIGKILL)


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def wait_until(url: str, seconds: float, *, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Until an http `url` answers 200, calling `meanwhile` between tries; TimeoutError, which says how it answered."""
    opener, last = build_opener(ProxyHandler({})), "no answer"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        meanwhile()
        try:
            with opener.open(url, timeout=2) as answer:
                if answer.status == 200:
                    return
                last = str(answer.status)
        except (OSError, HTTPException) as error:
            last = str(error)
        time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer 200 within {seconds:g} s: {last}")


def free_port(wanted: int = 0, *, host: str = "127.0.0.1") -> int:
    """`wanted` when nobody listens there, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    raise ProcessError(f"No free port on {host}.")
