"""People for tests: invented, reachable by e-mail unless said otherwise."""

from factory.django import DjangoModelFactory

from subjects import registers, search, vault
from subjects.enums import IndexKind
from subjects.models import DataCategory, DataSubject, SearchKey

CATEGORY_OF = {"iin": "iin", "phone": "mobile_phone", "email": "email"}


class DataSubjectFactory(DjangoModelFactory):
    """`DataSubjectFactory(email="a@example.kz", iin="850314390019", phone="+77012345678")`; email=None for none."""

    class Meta:
        model = DataSubject
        skip_postgeneration_save = True

    language = "kk"

    @classmethod
    def _generate(cls, strategy, params):
        values = {name: params.pop(name, None) for name in ("iin", "phone", "client_number")}
        email = params.pop("email", "?")
        subject = super()._generate(strategy, params)
        values["email"] = f"person{subject.pk}@example.kz" if email == "?" else email
        if not DataCategory.objects.exists():
            registers.load()
        for kind, text in values.items():
            if not text:
                continue
            kind, digest, hint = search.keys_of(IndexKind(kind), text)
            SearchKey.objects.create(subject=subject, kind=kind, digest=digest, hint=hint)
            if kind in CATEGORY_OF:
                vault.store(
                    subject=subject,
                    category=CATEGORY_OF[kind],
                    parts={"value": search.normalise(kind, text)},
                    source="test",
                )
        return subject


def named(subject: DataSubject, *, last: str, first: str = "") -> DataSubject:
    """Give the person a name, sealed and found by its words."""
    parts = {key: value for key, value in (("last", last), ("first", first)) if value}
    vault.store(subject=subject, category="full_name", parts=parts, source="test")
    for word in search.name_words(last, first):
        kind, digest, hint = search.keys_of(IndexKind.NAME, word)
        SearchKey.objects.create(subject=subject, kind=kind, digest=digest, hint=hint)
    return subject
