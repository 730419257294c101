"""How alike two texts are: within one language by their words, across languages by what looks the same in both."""

import re

_WORD = re.compile(r"\w+")
# Latin letters typed in the place of Cyrillic ones, as the Kazakh of many policies has them
_LOOK_ALIKE = str.maketrans("iaceopxyHKMTB", "іасеорхуНКМТВ")
STEM = 5


def folded(text: str) -> str:
    """The text as it is compared for being unchanged: one space between words, ends trimmed."""
    return " ".join(text.split())


def stems(text: str) -> frozenset[str]:
    """Its numbers and the first letters of its longer words, case and look-alikes folded: endings carry no sense."""
    words = (word.translate(_LOOK_ALIKE).casefold() for word in _WORD.findall(text))
    return frozenset(word[:STEM] for word in words if len(word) > 2 or word.isdigit())


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard: the share of stems that both have, 0 to 1."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0
