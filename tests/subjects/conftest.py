"""The demo's telephone in a folder of the test's own."""

from pathlib import Path

import pytest


@pytest.fixture
def telephone(tmp_path, settings) -> Path:
    """Where SMS arrive; read them with `tests.subjects.codes`."""
    folder = tmp_path / "sms"
    settings.SMS_URL = f"file://{folder}"
    return folder
