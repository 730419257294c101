"""What the bodies of the API are made of: nothing unknown is taken, and no text that the database could not hold."""

from datetime import UTC, datetime
from typing import Annotated

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

FIRST, LAST = datetime(1991, 12, 16, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _within_reason(moment: datetime) -> datetime:
    if not FIRST <= moment <= LAST:
        raise PydanticCustomError("date_range", "the moment lies outside 1991 to 2200")
    return moment


class Strict(Schema):
    """A body whose every field has a name of ours: a misspelt one is told, not ignored."""

    model_config = ConfigDict(extra="forbid")


# no control characters: PostgreSQL holds no NUL, and nobody sees the others
Line = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
Code = Annotated[str, StringConstraints(max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]
Number = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]
Moment = Annotated[AwareDatetime, AfterValidator(_within_reason)]
