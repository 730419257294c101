"""Logs are JSON, with ids and without values."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
import logging, structlog
from config.logs import logging_config
logging_config()
structlog.contextvars.bind_contextvars(request="abc")
structlog.get_logger("kelisim.test").info("a letter left", letter=7)
try:
    raise ValueError("Key (email)=(canary@example.kz) already exists")
except ValueError:
    structlog.get_logger("kelisim.test").error("refused", exc_info=True)
    logging.getLogger("django.request").error("Internal Server Error: %s", "/x/", exc_info=True)
"""


def lines() -> list[dict]:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "canary" not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_is_an_object_with_event_ids_level_and_time():
    first = lines()[0]
    assert (first["event"], first["letter"], first["request"], first["level"]) == ("a letter left", 7, "abc", "info")
    assert first["timestamp"].endswith("Z")


def test_an_exception_is_told_by_class_and_place_never_by_its_message():
    _first, ours, djangos = lines()
    for line in (ours, djangos):
        assert line["exception"] == "ValueError"
        assert line["trace"]
