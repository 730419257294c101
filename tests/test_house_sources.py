"""The rules of DESIGN 1-7 about sources that a machine can hold us to.

A rule is a function from a source to what is wrong with it; each is shown a bad sample first, because a rule that
cannot fail says nothing. Import order is import-linter's, style is ruff's. Rules about models: test_house_rules.py.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[1]
MARKED_SAFE = {"policies/templatetags/policy_text.py": "what nh3 has cleaned"}
PERSONAL_WORDS = {"name", "email", "phone", "iin", "address", "value", "text", "query", "username", "identifier", "to"}


def sources(*suffixes: str, under: Path = ROOT) -> list[Path]:
    """Files of ours; what tools keep in the working copy is not."""
    skipped = {"var", "node_modules", "__pycache__", "build", "dist"}
    found = []
    for path in under.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if path.suffix in suffixes and not any(p in skipped or p.startswith(".") for p in parts[:-1]):
            found.append(path)
    return sorted(found)


def code(*, tests: bool = False, migrations: bool = False) -> list[Path]:
    return [
        path
        for path in sources(".py")
        if (tests or path.relative_to(ROOT).parts[0] not in ("tests", "bench", "conftest.py"))
        and (migrations or "migrations" not in path.parts)
    ]


def wrong_in(rule, files) -> list[str]:
    return [f"{path.relative_to(ROOT)}: {wrong}" for path in files for wrong in rule(path.read_text())]


def calls(source: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def functions(source: str) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def too_long(source: str) -> Iterator[str]:
    if (lines := source.count("\n")) > 400:
        yield f"{lines} lines; 400 becomes a package"


def not_keyword_only(source: str) -> Iterator[str]:
    for function in functions(source):
        positional = [*function.args.posonlyargs, *function.args.args]
        if not function.name.startswith("_") and (len(positional) > 1 or function.args.vararg):
            yield f"{function.name}() takes more than one positional argument"


def without_docstring(source: str) -> Iterator[str]:
    for function in functions(source):
        if not function.name.startswith("_") and not ast.get_docstring(function):
            yield f"{function.name}() has no docstring"


def signals_of_models(source: str) -> Iterator[str]:
    names = {"pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed", "pre_init", "post_init", "receiver"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("django.db.models.sig", "django.dispat")
        ):
            yield from (f"imports {alias.name}" for alias in node.names if alias.name in names)


def tasks_with_more_than_ids(source: str) -> Iterator[str]:
    for function in functions(source):
        if not any(re.search(r"\b(shared_task|task)\b", ast.unparse(d)) for d in function.decorator_list):
            continue
        arguments = [*function.args.args, *function.args.kwonlyargs, *filter(None, [function.args.vararg])]
        for argument in arguments:
            if argument.arg != "self" and (not argument.annotation or ast.unparse(argument.annotation) != "int"):
                yield f"the task {function.name} takes {argument.arg}, which is not annotated as int"


def other_bells(source: str) -> Iterator[str]:
    banned = {"delay", "apply_async", "delay_on_commit", "apply_async_on_commit", "send_task"}
    yield from (
        f"{called(call)}(): use notifications.doorbell.ring" for call in calls(source) if called(call) in banned
    )


def opened_cipher(source: str) -> Iterator[str]:
    """`mask` makes a hint out of a clear value and opens nothing."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names} - {"subjects.keyring.mask"}
        elif isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        else:
            continue
        yield from (f"imports {n}" for n in names if re.match(r"subjects\.(cipher|keyring)\b", n))


def marked_safe(source: str) -> Iterator[str]:
    yield from (f"line {c.lineno}: {called(c)}" for c in calls(source) if called(c) in {"mark_safe", "SafeString"})


def data_migrations_of_nobody(source: str) -> Iterator[str]:
    if any(called(call) == "RunPython" for call in calls(source)) and "acting_as(" not in source:
        yield 'RunPython without acting_as("migration:…")'


def talkative_logs(source: str) -> Iterator[str]:
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    for call in calls(source):
        function = call.func
        if not (
            isinstance(function, ast.Attribute) and function.attr in levels and ast.unparse(function.value) == "log"
        ):
            continue
        if len(call.args) != 1 or not isinstance(call.args[0], ast.Constant):
            yield f"line {call.lineno}: the event is one constant sentence, the rest are ids by keyword"
        yield from (f"line {call.lineno}: logs {k.arg}" for k in call.keywords if k.arg in PERSONAL_WORDS or not k.arg)


def triggers_switched_off(source: str) -> Iterator[str]:
    pattern = r"DISABLE\s+TRIGGER|session_replication_role|pgtrigger\.(?:ignore|disable|uninstall)\("
    yield from re.findall(pattern, source, re.IGNORECASE)


def against_the_csp(source: str) -> Iterator[str]:
    source = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", source, flags=re.DOTALL)
    yield from re.findall(r"<style\b|\sstyle=|\son[a-z]+=[\"']|javascript:|<script(?![^>]*\ssrc=)[^>]*>", source)
    yield from re.findall(r"(?:src|href)=[\"'](?:https?:)?//[^\"']+\.(?:js|css|woff2?)", source)


def unpaired_rules(source: str) -> Iterator[str]:
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    names |= {function.name for function in functions(source)}
    for function in functions(source):
        asks = function.name.removeprefix("check_")
        if asks != function.name and asks not in names:
            yield f"{function.name} has no {asks}"


def _keeps_the_cipher(path: Path) -> bool:
    return path.parent == ROOT / "subjects" and (path.stem in ("cipher", "keyring") or path.stem.startswith("vault"))


SERVICES = [p for p in code() if p.name == "services.py" or p.parent.name == "services"]
RULES = [
    (too_long, "\n" * 401, [p for p in sources(".py", ".html", ".css", ".js") if not {"migrations", "tests"} & set(p.parts)]),
    (not_keyword_only, "def publish(version, by): ...", SERVICES),
    (without_docstring, "def publish(version, *, by): ...", SERVICES),
    (without_docstring, "def may_x(): ...", [p for p in code() if p.name == "rules.py"]),
    (unpaired_rules, "def check_may_x(): ...", [p for p in code() if p.name == "rules.py"]),
    (signals_of_models, "from django.db.models.signals import post_save", code()),
    (signals_of_models, "from django.dispatch import receiver", code()),
    (tasks_with_more_than_ids, "@shared_task(name='x')\ndef send(email: str): ...", code()),
    (tasks_with_more_than_ids, "@app.task\ndef send(subject): ...", code()),
    (other_bells, "send.delay(1)", [p for p in code() if p != ROOT / "notifications/doorbell.py"]),
    (other_bells, "transaction.on_commit(lambda: send.apply_async([1]))", []),
    (opened_cipher, "from subjects import cipher", [p for p in code() if not _keeps_the_cipher(p)]),
    (opened_cipher, "from subjects.keyring import mask, KeyRing", []),
    (marked_safe, "mark_safe(x)", [p for p in code() if str(p.relative_to(ROOT)) not in MARKED_SAFE]),
    (data_migrations_of_nobody, "migrations.RunPython(fill)", [p for p in code(migrations=True) if "migrations" in p.parts]),
    (talkative_logs, "log.info(f'{user} came')", code()),
    (talkative_logs, "log.info('came', email=email)", []),
    (triggers_switched_off, "cursor.execute('ALTER TABLE x DISABLE TRIGGER ALL')", code(migrations=True)),
    (against_the_csp, "<p style='color: red'>", [p for p in sources(".html") if "letters" not in p.parts]),
    (against_the_csp, "<script>alert(1)</script>", []),
    (against_the_csp, '<script src="https://cdn.example/x.js"></script>', []),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "files"), RULES, ids=[rule.__name__ for rule, _bad, _files in RULES])
def test_a_rule_bites_and_the_house_keeps_it(rule, bad, files):
    assert list(rule(bad)), "a rule that cannot fail says nothing"
    assert wrong_in(rule, files) == []


def test_the_house_is_looked_at_at_all():
    assert len(code()) > 50
    assert SERVICES
    assert not [path for path in code() if path.is_relative_to(ROOT / "var")]


def test_nothing_is_called_utils_helpers_common_or_core():
    bad = {"utils", "util", "helpers", "helper", "common", "core", "misc"}
    assert [p for p in code(tests=True) if p.stem in bad or bad & set(p.relative_to(ROOT).parts[:-1])] == []


def test_every_letter_has_its_nine_files():
    wanted = {f"{lang}.{part}" for lang in ("kk", "ru", "en") for part in ("subject.txt", "txt", "html")}
    for folder in filter(Path.is_dir, (ROOT / "templates" / "letters").glob("*")):
        assert wanted <= {path.name for path in folder.iterdir()}, folder


def test_every_kind_of_letter_has_a_folder():
    from notifications import ports

    assert [kind for kind in ports.KINDS if not (ROOT / "templates" / "letters" / kind).is_dir()] == []


def test_every_language_but_the_sources_has_a_catalogue():
    languages = {language for language, _name in settings.LANGUAGES}
    assert languages == {"kk", "ru", "en"}
    for language in languages - {"en"}:
        assert (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").is_file(), language


def test_the_settings_that_history_and_pages_stand_on():
    assert settings.SIMPLE_HISTORY_ENABLED is False, "our triggers write, simple-history's signals do not"
    assert settings.SIMPLE_HISTORY_REVERT_DISABLED is True
    assert settings.MODELTRANSLATION_FALLBACK_LANGUAGES == ()
    assert settings.AUTH_USER_MODEL == "staff.StaffUser"
    policy = str(settings.CONTENT_SECURITY_POLICY)
    assert "unsafe" not in policy
    assert "//" not in policy


def test_no_exception_outlives_its_reason():
    for path in MARKED_SAFE:
        assert list(marked_safe((ROOT / path).read_text()))
