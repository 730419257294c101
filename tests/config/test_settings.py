"""Production starts with every secret or not at all."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ("config", "transfers", "consent", "policies", "subjects", "notifications", "staff", "audit")
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
WHOLE = {
    "KELISIM_ENV": "production",
    "DATABASE_URL": "postgres://nobody@localhost/none",
    "REDIS_URL": "rediss://localhost/0",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "KELISIM_KEY_ENCRYPTION_KEYS": f"1:{KEY}",
    "KELISIM_INDEX_KEY": KEY,
    "ALLOWED_HOSTS": "example.kz",
    "EMAIL_URL": "smtp+tls://localhost:587",
    "KELISIM_SITE_URL": "https://example.kz",
}


def start(environment: dict[str, str], *argv: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *(argv or ("manage.py", "check", "--deploy", "--fail-level", "WARNING"))],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_all_that_is_missing_is_named_at_once():
    done = start({"KELISIM_ENV": "production"})
    assert done.returncode != 0
    for name in WHOLE.keys() - {"KELISIM_ENV"}:
        assert f"  {name}:" in done.stderr


@pytest.mark.parametrize("name", sorted(WHOLE.keys() - {"KELISIM_ENV"}))
def test_one_missing_secret_stops_the_start(name):
    done = start({key: value for key, value in WHOLE.items() if key != name}, "-c", "import config.settings")
    assert done.returncode != 0
    assert name in done.stderr


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"EMAIL_URL": "file:///tmp/mail"}, ["EMAIL_URL", "KELISIM_SMS_URL"]),
        ({"KELISIM_SMS_URL": "file:///tmp/sms"}, ["KELISIM_SMS_URL"]),
    ],
)
def test_a_cabinet_whose_codes_reach_nobody_does_not_open(changed, named):
    done = start({**WHOLE, **changed}, "-c", "import config.settings")
    assert done.returncode != 0
    for name in named:
        assert f"  {name}:" in done.stderr


def test_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text(WHOLE["SECRET_KEY"])
    environment = {key: value for key, value in WHOLE.items() if key != "SECRET_KEY"}
    done = start(
        {**environment, "SECRET_KEY_FILE": str(tmp_path / "key")},
        "-c",
        "import config.settings as s; print(len(s.SECRET_KEY))",
    )
    assert done.stdout.strip() == str(len(WHOLE["SECRET_KEY"])), done.stderr


def test_the_deploy_check_has_nothing_to_say():
    done = start(WHOLE)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_in_production_cookies_are_host_bound_and_secure():
    code = (
        "import config.settings as s;"
        "print(s.SESSION_COOKIE_NAME, s.CABINET_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.DEBUG)"
    )
    done = start(WHOLE, "-c", code)
    assert done.stdout.split() == ["__Host-session", "__Host-cabinet", "__Host-csrf", "True", "False"], done.stderr


# what a process of ours sets for its children, or reads of the machine: nobody writes it into a file
NOT_FOR_PEOPLE = {"KELISIM_TEST_DATABASE", "DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER", "PATH"}


def test_the_example_lists_every_variable_that_is_read_and_no_other():
    read = r"""(?:env(?:\.\w+)?\(|environ(?:\.get|\.setdefault|\.pop)?[(\[]|getenv\()\s*["']([A-Z][A-Z_]+)["']"""
    files = [*ROOT.glob("*.py"), *(path for path in ROOT.glob("*/**/*.py") if path.parts[len(ROOT.parts)] in HOUSE)]
    named = {name for path in files for name in re.findall(read, path.read_text())} - NOT_FOR_PEOPLE
    listed = set(re.findall(r"^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert {"DATABASE_URL", "KELISIM_HTTPS", "KELISIM_TEST_PG"} <= named, "what is looked for is found"
    assert listed == named


def test_every_variable_of_the_example_has_a_sentence():
    lines = (ROOT / ".env.example").read_text().splitlines()
    bare = [line for before, line in pairwise(lines) if is_variable(line) and not is_sentence(before)]
    assert bare == []


def is_variable(line: str) -> bool:
    return re.match(r"#?[A-Z][A-Z_]+=", line) is not None


def is_sentence(line: str) -> bool:
    return line.startswith("# ") and not line.startswith("# ---")
