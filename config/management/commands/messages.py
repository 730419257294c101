from typing import Any

import polib
from django.core.management.base import BaseCommand

from config.catalogues import (
    DOMAINS,
    LOCALE,
    PLURAL_FORMS,
    developer_only,
    key,
    listed_strings,
    merge,
    own_strings,
    third_party_strings,
    third_party_translations,
)


class Command(BaseCommand):
    help = "Bring the catalogues and locale/thirdparty.txt up to date with the code and the installed packages."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.list_third_parties()
        for language in PLURAL_FORMS:
            for domain in DOMAINS:
                self.collect(language, domain)

    def list_third_parties(self) -> None:
        """Add to the list what a language lacks, drop what the packages no longer say; overrides stay."""
        path = LOCALE / "thirdparty.txt"
        listing = polib.pofile(str(path))
        hidden, wanted = developer_only(), []
        for domain in DOMAINS:
            listed = {key(entry) for entry in listed_strings(domain)}
            had = set.intersection(*(third_party_translations(domain, language) for language in PLURAL_FORMS))
            for entry in third_party_strings(domain):
                if entry.msgid not in hidden and (key(entry) in listed or key(entry) not in had):
                    wanted.append(entry)
        listing[:] = wanted
        listing.save(str(path))

    def collect(self, language: str, domain: str) -> None:
        path = LOCALE / language / "LC_MESSAGES" / f"{domain}.po"
        po = polib.pofile(str(path)) if path.exists() else polib.POFile()
        po.metadata = {
            "Project-Id-Version": "Kelisim",
            "Language": language,
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Transfer-Encoding": "8bit",
            "Plural-Forms": PLURAL_FORMS[language],
        }
        own = own_strings(domain)
        ours = {key(entry) for entry in own}
        translated = {key(entry) for entry in po.translated_entries()}
        theirs = third_party_translations(domain, language)
        third = [
            entry
            for entry in listed_strings(domain)
            if key(entry) not in ours and (key(entry) in translated or key(entry) not in theirs)
        ]
        came, went = merge(po, [*own, *third])
        path.parent.mkdir(parents=True, exist_ok=True)
        po.save(str(path))
        left = sum(not entry.translated() for entry in po)
        self.stdout.write(f"{language}/{domain}: {len(po)} strings, {came} came, {went} went, {left} to translate")
