# placeholder until the helper's file arrives
from typing import NamedTuple
class Finding(NamedTuple):
    code: str = ""; severity: str = ""; clause: str | None = None; languages: list = []; params: dict = {}
    message = ""
class KnownClause(NamedTuple):
    key: str = ""; number: str = ""; kind: str = ""; parent_key: str | None = None; texts: dict = {}
class PairedClause(NamedTuple):
    key: str = ""; number: str = ""; kind: str = ""; parent_key: str | None = None; order: int = 0; texts: dict = {}
class Pairing(NamedTuple):
    clauses: list = []; findings: list = []
def pair(*a): ...
