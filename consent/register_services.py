"""Changing the matrix: many cells proposed at once by one officer, decided by another (94-V art. 7; policy 3.2)."""

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from consent import matrix
from consent.enums import Necessity
from consent.matrix import EMPTY, Cell
from consent.models import PurposeCategory
from staff import opening
from staff.models import StaffUser
from staff.opening import Overtaken
from staff.rules import NotAllowed


class CellsChanged(Overtaken):
    """Somebody else changed cells that this officer changed too; nothing was written. cells: theirs, as they are."""

    def __init__(self, cells: list[Cell]) -> None:
        self.cells = cells
        super().__init__(
            _("Cells you changed were changed meanwhile by somebody else, so nothing was written. Look again."),
            code="overtaken",
        )


@transaction.atomic
def propose_cells(*, values: Mapping[str, str], seen: Mapping[str, str], by: StaffUser) -> int:
    """Propose every cell that this officer changed on the page they saw; how many.

    values: {`Cell.name`: necessity, "" for none}. seen: {`Cell.name`: `Cell.mark`} as the page showed them; a cell not
    there was empty. All or nothing. Raises CellsChanged when another officer was at one of the same cells; NotAllowed,
    ValidationError.
    """
    if not by.has_perm("consent.add_purposecategory"):
        raise NotAllowed(_("Your role does not include this step."), code="permission")
    opening.alone(PurposeCategory)
    cells = matrix.build().cells()
    changed, taken = [], []
    for name, value in values.items():
        cell = cells.get(name)
        if cell is None or value not in ("", *Necessity.values):
            raise NotAllowed(_("The matrix has no such cell or value. Reload the page."), code="unknown")
        before = seen.get(name, EMPTY)
        if value == before.partition(":")[0]:
            continue  # not touched by this officer, whatever others did to it
        if before != cell.mark:
            taken.append(cell)
        else:
            changed.append((cell, value))
    if taken:
        raise CellsChanged(taken)
    for cell, value in changed:
        if value:
            row = PurposeCategory(purpose=cell.purpose, category=cell.category, necessity=value)
            opening.propose(row, by=by)
        elif cell.now:
            opening.propose_closing(cell.now, by=by)
    return len(changed)


@transaction.atomic
def decide(*, names: Iterable[str], approve: bool, by: StaffUser) -> int:
    """Approve or decline the changes that wait in these cells, all or none; how many. Raises NotAllowed, Overtaken."""
    cells, done = matrix.build().cells(), 0
    for name in names:
        cell = cells.get(name)
        if cell is None or cell.proposed is None:
            raise Overtaken(_("This is decided already. Reload the page to see where it stands."), code="overtaken")
        if cell.waiting:
            (opening.approve if approve else opening.decline)(cell.waiting, by=by)
        elif cell.now:
            (opening.approve_closing if approve else opening.decline_closing)(cell.now, by=by)
        done += 1
    return done
