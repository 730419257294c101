from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from staff.models import Operator


def operator(request: HttpRequest) -> dict:
    """The organisation, for headers and footers; read from the database only where a template shows it."""
    return {"operator": SimpleLazyObject(Operator.current)}
