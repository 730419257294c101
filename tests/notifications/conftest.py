"""A kind of letter of the tests' own, and a real SMTP server to take it."""

from pathlib import Path

import pytest

from config.smtp_sink import Sink
from notifications import delivery, ports
from staff.models import Operator


@pytest.fixture
def sink(tmp_path, settings):
    """A running SMTP server; what it was given is in `sink.messages()`."""
    with Sink(tmp_path / "mail", host="127.0.0.1") as running:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{running.port}"
        settings.EMAIL_SENDER = "kelisim@example.kz"
        delivery._sender = None
        yield running
        if delivery._sender is not None:
            delivery._sender.close()
        delivery._sender = None


class Sample:
    """What the tests may change about the kind `sample` while it is in use."""

    current = True
    contexts: list


@pytest.fixture
def sample(monkeypatch, tmp_path, settings):
    state = Sample()
    state.contexts = []
    folder = Path(tmp_path, "templates", "letters", "sample")
    folder.mkdir(parents=True)
    for language, word in (("kk", "Сәлем"), ("ru", "Привет"), ("en", "Hello")):
        (folder / f"{language}.subject.txt").write_text(word)
        (folder / f"{language}.txt").write_text(f"{word}\n{{{{ cabinet_link }}}}\n{{{{ not_mine_link }}}}\n")
        (folder / f"{language}.html").write_text(
            f'<p>{word}</p><a href="{{{{ cabinet_link }}}}">1</a><a href="{{{{ not_mine_link }}}}">2</a>'
        )
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], str(tmp_path / "templates")]}
    ]

    def context(cause: str, language: str) -> dict:
        state.contexts.append((cause, language))
        return {}

    kind = ports.LetterKind("sample", context, lambda cause: state.current)
    monkeypatch.setitem(ports.KINDS, "sample", kind)
    return state


@pytest.fixture
def operator(db):
    return Operator.objects.create(name_kk="Айқын", name_ru="Айкын", email="office@example.kz")
