"""What can be wrong with a file of data subjects, as codes that are kept and sentences that are told."""

from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from subjects.identifiers import MESSAGES

REASONS = MESSAGES | {
    "file_size": _("The file is larger than %(megabytes)s MB. Divide it."),
    "file_rows": _("The file has more than %(count)s rows. Divide it."),
    "file_empty": _("The file is empty. The first row must name the columns: take the template."),
    "file_encoding": _("The file is not in UTF-8 (Windows-1251 perhaps). Save it again as “CSV UTF-8”."),
    "header_unnamed": _("The first row must name the columns, and no known name is in it. Take the template."),
    "header_unknown": _("There is no such column. The columns are: %(allowed)s. Rename it or delete it."),
    "header_missing": _("The column “%(name)s” is missing. Add it."),
    "header_twice": _("The same column stands twice. Delete one of them."),
    "row_cells": _("The row has %(count)s cells, the first row has %(expected)s. Check for a separator within a cell."),
    "row_quotes": _("A quotation mark is not closed, or a cell goes over to the next line. Mend the row."),
    "row_long": _("The row is longer than %(count)s characters. Mend the row."),
    "cell_long": _("The cell is longer than %(count)s characters. Shorten it."),
    "cell_nul": _("There is an invisible character (NUL) in the cell. Save the file again as “CSV UTF-8”."),
    "client_number_empty": _("The client number is empty. Fill it in: it is what the next import finds the person by."),
    "client_number_characters": _("A client number has at most %(count)s characters, none invisible. Mend the cell."),
    "birth_date_format": _("This is no date. Write it as 2001-02-28 or 28.02.2001."),
    "birth_date_range": _("The birth date lies in the future or before 1880. Check it."),
    "birth_date_iin": _("The birth date and the IIN say different dates. Check which is right."),
    "not_allowed": _("This is not one of: %(allowed)s."),
    "same_client_number": _("Row %(row)s has the same client number. Keep one of the two."),
    "same_iin": _("Row %(row)s has the same IIN. Keep one of the two, or mend the wrong IIN."),
    "iin_taken": _("%(reference)s, with another client number, has this IIN. Check which of the two is right."),
    "corrected_here": _(
        "The person had this value before it was corrected here. The correction stays; all else of the row is taken."
    ),
    "closed": _("The data of this person is blocked or erased: nothing is added to it."),
    "deceased": _("The person has died: nothing is changed in their data any more."),
    "minor": _("The person is under 18. They are taken in with the standing “minor” and get no letters."),
}  # fmt: skip


class RowProblem(NamedTuple):
    """What is wrong where: the line of the file (the header is 1), the column as it stands there, a code of REASONS.

    Never a value of the row, so it may be kept as JSON (`as_dict`, `from_dict`) and told again in any language.
    """

    row: int
    column: str
    code: str
    params: dict[str, str | int]

    @property
    def reason(self) -> str:
        """The sentence, in the language of whoever reads."""
        return str(REASONS[self.code]) % self.params

    def __str__(self) -> str:
        where = _in_column if self.column else _in_row
        return str(where) % {"row": self.row, "column": self.column, "reason": self.reason}

    def as_dict(self) -> dict[str, object]:
        return self._asdict()

    @classmethod
    def from_dict(cls, kept: dict) -> "RowProblem":
        return cls(**kept)


_in_row = _("Row %(row)s: %(reason)s")
_in_column = _("Row %(row)s, column “%(column)s”: %(reason)s")
