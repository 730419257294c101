"""How strings are found, collected and compiled, without xgettext and msgfmt."""

import os
import subprocess
import sys
from pathlib import Path

import polib
import pytest

from config import catalogues
from config.catalogues import LOCALE, PLURAL_FORMS, ROOT


def test_compile_locale_needs_no_database_no_keys_and_no_settings(tmp_path):
    environment = {"PATH": os.environ["PATH"], "KELISIM_ENV": "production", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "compile_locale"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    count = len(polib.pofile(str(LOCALE / "kk/LC_MESSAGES/django.po")).translated_entries())
    assert f"kk/django {count}" in done.stdout


def test_a_catalogue_is_compiled_when_it_is_newer_and_left_alone_otherwise(tmp_path):
    folder = tmp_path / "kk" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source, target = folder / "django.po", folder / "django.mo"
    source.write_text('msgid "Save"\nmsgstr "Сақтау"\n\n#, fuzzy\nmsgid "Delete"\nmsgstr "Өшіргі"\n')
    assert catalogues.compile_catalogues(tmp_path) == {"kk/django": 1}
    assert [(entry.msgid, entry.msgstr) for entry in polib.mofile(str(target))] == [("Save", "Сақтау")]

    target.write_bytes(b"as it was")
    catalogues.compile_catalogues(tmp_path)
    assert target.read_bytes() == b"as it was"
    os.utime(source, (target.stat().st_mtime + 1,) * 2)
    catalogues.compile_catalogues(tmp_path)
    assert len(polib.mofile(str(target))) == 1

    source.write_text('msgid "Save"\nmsgstr "Сақтау"\nand nonsense\n')
    with pytest.raises(OSError, match=r"django\.po"):
        catalogues.compile_catalogues(tmp_path)


def found(folder: Path, domain: str = "django") -> list[tuple]:
    entries = catalogues.extract([folder], domain)
    return [(e.msgctxt, e.msgid, e.msgid_plural, [file for file, _ in e.occurrences]) for e in entries]


def test_strings_are_found_in_python_templates_and_javascript(tmp_path):
    app = tmp_path / "house"
    app.mkdir()
    (app / "rules.py").write_text(
        '_("One")\npgettext_lazy("letter", "sent")\n'
        'ngettext("%(n)s row " "refused", "%(n)s rows refused", n)\n_(name)\nrow.get("x")\n'
    )
    (app / "page.html").write_text(
        '{% translate "One" %}{% translate "Read" context "button" %}{{ _("Two") }}{# _("no") #}\n'
        "{% blocktranslate trimmed count n=n %}\n {{ n }} day, 5%\n{% plural %}\n {{ n }} days, 5%\n"
        '{% endblocktranslate %}<p>_("not this")</p>'
    )
    (app / "page.js").write_text('const a = gettext("Three");\nngettext("day", "days", n);')
    assert found(app) == [
        (None, "One", "", ["house/page.html", "house/rules.py"]),
        ("button", "Read", "", ["house/page.html"]),
        (None, "Two", "", ["house/page.html"]),
        (None, "%(n)s day, 5%%", "%(n)s days, 5%%", ["house/page.html"]),
        ("letter", "sent", "", ["house/rules.py"]),
        (None, "%(n)s row refused", "%(n)s rows refused", ["house/rules.py"]),
    ]
    assert found(app, "djangojs") == [
        (None, "Three", "", ["house/page.js"]),
        (None, "day", "days", ["house/page.js"]),
    ]


@pytest.mark.parametrize("call", ['_(f"{n} rows")', '_("a" + name)', '_("{n} rows".format(n=n))', '_("%s" % n)'])
def test_gettext_of_a_text_that_is_already_filled_in_is_refused(tmp_path, call):
    app = tmp_path / "house"
    app.mkdir()
    (app / "rules.py").write_text(f"\n{call}\n")
    with pytest.raises(ValueError, match=r"rules\.py:2: gettext needs a literal string"):
        catalogues.extract([app], "django")


def test_collecting_keeps_what_is_translated_and_forgets_what_is_gone():
    po = polib.POFile()
    po.metadata = {"Plural-Forms": PLURAL_FORMS["ru"]}
    po += [polib.POEntry(msgid="Save", msgstr="Сохранить"), polib.POEntry(msgid="Gone", msgstr="Ушло")]
    wanted = [
        polib.POEntry(msgid="Save", occurrences=[("staff/admin.py", "")]),
        polib.POEntry(msgid="%(n)s row", msgid_plural="%(n)s rows"),
    ]
    assert catalogues.merge(po, wanted) == (1, 1)
    assert [(entry.msgid, entry.msgstr or list(entry.msgstr_plural.values())) for entry in po] == [
        ("Save", "Сохранить"),
        ("%(n)s row", ["", "", "", ""]),
    ]
