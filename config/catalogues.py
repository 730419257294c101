"""The catalogues of translations: which strings there are, and how `.po` becomes `.mo` (DESIGN 2, 7).

Works without xgettext and msgfmt, which bare machines lack, and without settings, so that `compile_locale` runs
before there is a database or a key. Three sorts of strings: our own; those of third parties that our catalogues
carry, because theirs lack them or say them badly (`locale/thirdparty.txt`); those that no reader of a page meets
(`locale/developer_only.txt`).
"""

import ast
import re
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import polib

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
DOMAINS = ("django", "djangojs")
# As in Django's own catalogues: the admin's JavaScript is given one plural rule for both.
PLURAL_FORMS = {
    "kk": "nplurals=2; plural=(n!=1);",
    "ru": "nplurals=4; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : "
    "n%10==0 || (n%10>=5 && n%10<=9) || (n%100>=11 && n%100<=14)? 2 : 3);",
}
THIRD_PARTIES = (
    "django.conf",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "modeltranslation",
    "simple_history",
    "pgtrigger",
    "csp",
)

ARGUMENTS = {
    "gettext": ("msgid",),
    "ngettext": ("msgid", "msgid_plural"),
    "pgettext": ("msgctxt", "msgid"),
    "npgettext": ("msgctxt", "msgid", "msgid_plural"),
}
# What `templatize` leaves of a template, and JavaScript: a call with its leading string literals.
CALL = re.compile(r"""\b(n?p?gettext|_)\(((?:\s*u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*,?)+)""")


class Key(NamedTuple):
    """What a catalogue finds a string by."""

    context: str | None
    msgid: str


def key(entry: polib.POEntry) -> Key:
    """The `Key` of an entry."""
    return Key(entry.msgctxt, entry.msgid)


def compile_catalogues(locale: Path = LOCALE) -> dict[str, int]:
    """Write every `.mo` that is missing or older than its `.po`; `kk/django` → translated strings, compiled or not.

    OSError with the file and the line when a `.po` cannot be read.
    """
    counts = {}
    for source in sorted(locale.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        catalogue = polib.pofile(str(source))
        counts[f"{source.parts[-3]}/{source.stem}"] = len(catalogue.translated_entries())
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            new = target.with_name(f".{target.name}.new")
            catalogue.save_as_mofile(str(new))
            new.replace(target)  # a reader finds the old file or the new one, never half of it
    return counts


def own_strings(domain: str) -> list[polib.POEntry]:
    """The strings of our apps (every folder with `apps.py`) and templates."""
    return extract([*sorted(path.parent for path in ROOT.glob("*/apps.py")), ROOT / "templates"], domain)


def third_party_strings(domain: str) -> list[polib.POEntry]:
    """Every string of the third parties: their English catalogue, else their source; once each, developer-only too."""
    found: dict[Key, polib.POEntry] = {}
    for package in THIRD_PARTIES:
        folder = _folder(package)
        english = folder / "locale" / "en" / "LC_MESSAGES" / f"{domain}.po"
        if english.exists():
            entries = list(polib.pofile(str(english)))
        else:
            entries = [] if (folder / "locale" / "en").exists() else extract([folder], domain)
        for entry in entries:
            found.setdefault(key(entry), _blank(entry, occurrences=[(_where(entry, package), "")]))
    return list(found.values())


def third_party_translations(domain: str, language: str) -> set[Key]:
    """The strings the third parties have translated themselves."""
    catalogues = (_folder(name) / "locale" / language / "LC_MESSAGES" / f"{domain}.po" for name in THIRD_PARTIES)
    return {
        key(entry) for path in catalogues if path.exists() for entry in polib.pofile(str(path)) if entry.translated()
    }


def developer_only() -> dict[str, str]:
    """Strings no reader meets → the reason, from `locale/developer_only.txt` (`# reason`, then strings, escaped)."""
    strings, reason = {}, ""
    for line in (LOCALE / "developer_only.txt").read_text().splitlines():
        if line.startswith("# "):
            reason = line[2:]
        elif line:
            strings[polib.unescape(line)] = reason
    return strings


def listed_strings(domain: str) -> list[polib.POEntry]:
    """The strings of `locale/thirdparty.txt`; those found in JavaScript are of the domain `djangojs`."""
    entries = polib.pofile(str(LOCALE / "thirdparty.txt"))
    return [entry for entry in entries if (entry.occurrences[0][0].endswith(".js")) == (domain == "djangojs")]


def merge(po: polib.POFile, wanted: Iterable[polib.POEntry]) -> tuple[int, int]:
    """Give the catalogue exactly the wanted strings, keeping what is translated; → how many came, how many went."""
    known = {key(entry): entry for entry in po if not entry.obsolete}
    plurals = int(re.search(r"nplurals=(\d)", po.metadata["Plural-Forms"])[1])
    merged = []
    for entry in wanted:
        old = known.get(key(entry), polib.POEntry())
        new = _blank(entry, occurrences=entry.occurrences, tcomment=old.tcomment, flags=old.flags)
        if entry.msgid_plural:
            new.msgstr_plural = {form: old.msgstr_plural.get(form, "") for form in range(plurals)}
        else:
            new.msgstr = old.msgstr
        merged.append(new)
    po[:] = merged
    wanted_keys = {key(entry) for entry in merged}
    return len(wanted_keys - known.keys()), len(known.keys() - wanted_keys)


def extract(folders: Iterable[Path], domain: str) -> list[polib.POEntry]:
    """Every translatable string of the folders, once, with the files it stands in.

    `django`: Python (but tests and migrations), templates; `djangojs`: JavaScript.
    ValueError with the file and the line when gettext is given something that cannot be looked up.
    """
    suffixes = (".js",) if domain == "djangojs" else (".py", ".html", ".txt")
    found: dict[Key, polib.POEntry] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder.parent)
            if path.suffix not in suffixes or {"migrations", "tests", "locale"} & set(inside.parts):
                continue
            where = inside.as_posix()
            for call in _calls(path):
                entry = found.setdefault(Key(call.get("msgctxt"), call["msgid"]), polib.POEntry(**call))
                entry.msgid_plural = entry.msgid_plural or call.get("msgid_plural", "")
                if (where, "") not in entry.occurrences:
                    entry.occurrences.append((where, ""))
    return list(found.values())


def _calls(path: Path) -> Iterator[dict[str, str]]:
    source = path.read_text()
    if path.suffix == ".py":
        yield from _python_calls(source, path)
        return
    if path.suffix != ".js":
        from django.utils.translation.template import templatize

        source = templatize(source, origin=str(path))
    for name, arguments in CALL.findall(source):
        names = ARGUMENTS["gettext" if name == "_" else name]
        yield dict(zip(names, ast.literal_eval(f"({arguments.rstrip().rstrip(',')},)"), strict=False))


def _python_calls(source: str, path: Path) -> Iterator[dict[str, str]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        name = "gettext" if name == "_" else name.removesuffix("_lazy").removesuffix("_noop")
        given = node.args[: len(ARGUMENTS.get(name, ()))]
        if given and all(isinstance(arg, ast.Constant) and isinstance(arg.value, str) for arg in given):
            yield dict(zip(ARGUMENTS[name], (arg.value for arg in given), strict=False))
        elif any(isinstance(arg, ast.JoinedStr | ast.BinOp | ast.Call) for arg in given):
            raise ValueError(f"{path}:{node.lineno}: {name} needs a literal string: fill it in afterwards.")


def _folder(package: str) -> Path:
    return Path(find_spec(package).submodule_search_locations[0])


def _where(entry: polib.POEntry, package: str) -> str:
    """`django/contrib/admin/options.py`, from an English catalogue or from the source."""
    first, top = entry.occurrences[0][0], package.split(".")[0]
    return first if first.startswith(f"{top}/") else f"{top}/{first}"


def _blank(entry: polib.POEntry, **more: Any) -> polib.POEntry:
    """The same string without a translation."""
    return polib.POEntry(msgctxt=entry.msgctxt, msgid=entry.msgid, msgid_plural=entry.msgid_plural, **more)
