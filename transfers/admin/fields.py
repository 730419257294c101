"""Fields that several forms of this app share: categories of data to tick, clauses of the policies in force."""

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from policies.models import Clause, PolicyVersion
from subjects.models import DataCategory


class CategoriesField(forms.MultipleChoiceField):
    """Boxes of the list of personal data; the value is codes in the order of the list."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any) -> None:
        for unused in ("base_field", "max_length", "delimiter", "encoder", "decoder"):
            kwargs.pop(unused, None)
        kwargs.setdefault("label", _("Data categories"))
        super().__init__(choices=categories, **kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return set(initial or ()) != set(data or ())


def categories() -> list[tuple[str, str]]:
    """(code, title) of every category, in the order of the list."""
    return [(row.code, str(row)) for row in DataCategory.objects.order_by("order", "pk")]


def in_words(codes: list[str]) -> str:
    """Titles of categories by their codes; an unknown code stands as it is."""
    titles = dict(categories())
    return ", ".join(titles.get(code, code) for code in codes)


def clauses() -> list[tuple[str, list[tuple[str, str]]]]:
    """Clauses of the policies in force as grouped choices: ("<policy id>:<key>", number and first words)."""
    language = get_language() or "ru"
    groups: dict[str, list[tuple[str, str]]] = {}
    versions = PolicyVersion.objects.in_force().select_related("policy")
    for clause in Clause.objects.filter(version__in=versions).select_related("version__policy").order_by("order"):
        words = next((text for code in (language, "ru", "kk") if (text := clause.text(code))), "")
        policy = clause.version.policy
        label = f"{clause.number} {words[:80]}".strip()
        groups.setdefault(str(policy), []).append((f"{policy.pk}:{clause.key}", label))
    return list(groups.items())
