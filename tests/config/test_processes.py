"""The demo's supervisor, with real processes that are really killed."""

import http.server
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from config import processes
from config.engines import started_at
from config.processes import ProcessError, Processes, Program, free_port, wait_until

ROOT = Path(processes.__file__).parent.parent
# A leader with a child, as a Celery worker has; both pids are printed.
LEADER = (
    "import subprocess, sys, os, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('pids', os.getpid(), child.pid, flush=True);"
    "time.sleep(600)"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


def python(name: str, code: str, **more: object) -> Program:
    return Program(name, [sys.executable, "-c", code], **more)


def until(them: Processes, question) -> object:
    deadline = time.monotonic() + 10
    while not (answer := question()):
        assert time.monotonic() < deadline
        them.look_after()
        time.sleep(0.02)
    return answer


def pids(out: io.StringIO) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in re.findall(r"pids (\d+) (\d+)", out.getvalue())]


def alive(pid: int) -> bool:
    return started_at(pid) is not None


def gone(pid: int) -> bool:
    """Within 3 s: a killed process takes a moment to go."""
    deadline = time.monotonic() + 3
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_a_killed_program_is_cleared_away_with_its_children_and_started_again():
    out = io.StringIO()
    with Processes([python("worker", LEADER)], out=out) as them:
        ((leader, child),) = until(them, lambda: pids(out))
        os.kill(leader, signal.SIGKILL)
        until(them, lambda: len(pids(out)) == 2)
        assert gone(child)
        assert "ended (SIGKILL), starts again" in out.getvalue()
        assert alive(pids(out)[1][0])
    assert all(gone(pid) for pair in pids(out) for pid in pair)


def test_the_others_live_on_while_one_is_started_again():
    out = io.StringIO()
    with Processes([python("worker", LEADER), python("web", LEADER)], out=out) as them:
        until(them, lambda: len(pids(out)) == 2)
        web = them.programs["web"].process.pid
        os.kill(them.programs["worker"].process.pid, signal.SIGKILL)
        until(them, lambda: len(pids(out)) == 3)
        assert them.programs["web"].process.pid == web
        assert alive(web)


def test_what_ends_again_and_again_is_given_up_with_its_name(monkeypatch):
    monkeypatch.setattr(processes, "RESTART_AFTER", 0.01)
    broken = Processes([python("beat", "print('no such broker')")], out=io.StringIO())
    with pytest.raises(ProcessError, match="beat ended 5 times"), broken as them:
        until(them, lambda: False)


def test_a_deaf_program_is_killed_when_its_time_is_up(monkeypatch):
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    out = io.StringIO()
    with Processes([python("deaf", STUBBORN), python("good", LEADER)], out=out) as them:
        until(them, lambda: "deaf" in out.getvalue() and pids(out))
        deaf = them.programs["deaf"].process.pid
        begin = time.monotonic()
    assert 0.4 < time.monotonic() - begin < 3
    assert gone(deaf)


def test_lines_carry_the_name_and_quiet_ones_are_not_shown():
    out = io.StringIO()
    say = "print('сәлем'); import time; time.sleep(600)"
    with Processes([python("web", say), python("sink", say, quiet=True)], out=out) as them:
        until(them, lambda: "сәлем" in out.getvalue())
    assert re.search(r"^\d\d:\d\d:\d\d web +\| сәлем$", out.getvalue(), re.MULTILINE)
    assert "sink" not in out.getvalue()


def test_a_program_sees_our_environment_and_its_own():
    out = io.StringIO()
    show = "import os, time; print(os.environ['PATH'][:1] + os.environ['MINE'], flush=True); time.sleep(600)"
    with Processes([python("web", show, env={"MINE": "only here"})], out=out) as them:
        until(them, lambda: "/only here" in out.getvalue())
    assert "MINE" not in os.environ


SUPERVISOR = f"""
import sys
from config.processes import Processes, Program
with Processes([Program("worker", [sys.executable, "-c", {LEADER!r}])]) as them:
    them.watch()
print("left", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_the_supervisor_ends_its_programs_end_too(number: signal.Signals):
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        leader, child = map(int, re.search(r"pids (\d+) (\d+)", supervisor.stdout.readline()).groups())
        supervisor.send_signal(number)
        supervisor.wait(10)
        assert gone(leader)
        if number == signal.SIGINT:
            assert supervisor.returncode == 0
            assert gone(child)
            assert "left" in supervisor.stdout.read()
    finally:
        supervisor.kill()
        supervisor.communicate()
        if alive(child):
            os.kill(child, signal.SIGKILL)


class Late(http.server.BaseHTTPRequestHandler):
    tries = 0

    def do_GET(self) -> None:
        Late.tries += 1
        self.send_response(200 if Late.tries > 2 else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_waiting_ends_at_the_first_200_and_not_before():
    server = http.server.HTTPServer(("127.0.0.1", 0), Late)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rounds: list[int] = []
    try:
        wait_until(f"http://127.0.0.1:{server.server_port}/readyz", 5, meanwhile=lambda: rounds.append(1))
    finally:
        server.shutdown()
        server.server_close()
    assert Late.tries == 3
    assert len(rounds) == 3


def test_waiting_in_vain_says_for_what_and_why():
    with pytest.raises(TimeoutError, match=r"http://127\.0\.0\.1:\d+/readyz did not answer 200 within 0\.3 s.*refused"):
        wait_until(f"http://127.0.0.1:{free_port()}/readyz", 0.3)


def test_a_taken_port_is_not_offered():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port
