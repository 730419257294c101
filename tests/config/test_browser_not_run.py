"""A run without a browser says so loudly, and one that must have had it fails (issue 2, (a))."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_browser_tests_that_were_not_run_are_told_of_and_fail_a_run_that_needs_them(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:xdist",
            "-p",
            "no:cacheprovider",
            "tests/e2e/test_main_job.py",
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path), "KELISIM_REQUIRE_BROWSER": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "1 browser tests NOT RUN: no chromium on PATH (make browser)" in done.stdout, done.stdout + done.stderr
    assert "1 skipped" in done.stdout
    assert done.returncode == 1
