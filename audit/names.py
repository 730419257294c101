"""Plain names, in the reader's language, of what history keeps as codes."""

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext as _

# What a reason code means; apps add theirs in `AppConfig.ready()`. An unknown code is shown as it is.
REASONS: dict[str, Promise | str] = {}


def actor_name(actor: str, user: Model | None = None) -> str:
    """Who `actor` is (forms: audit.actor.ACTOR), in words; `user` is the officer where there is one."""
    kind, _colon, name = actor.partition(":")
    if kind == "officer":
        return user.get_username() if user else _("officer %(number)s") % {"number": name}
    if kind == "subject":
        return _("the person in the cabinet")
    if kind == "api":
        return _("system %(name)s") % {"name": name}
    if kind == "job":
        return _("job %(name)s") % {"name": name}
    if kind == "command":
        command, _at, person = name.partition("@")
        return _("command %(name)s, run by %(person)s") % {"name": command, "person": person}
    if kind == "migration":
        return _("migration %(name)s") % {"name": name}
    if kind == "sign-in":
        return _("somebody signing in")
    return actor


def reason_name(code: str | None) -> str:
    """The meaning of a reason code, the code itself when nobody has named it, "" for none."""
    officer = (code or "").removeprefix("by.officer.")
    if officer.isdecimal():
        return _("in the name of officer %(number)s") % {"number": officer}
    return str(REASONS.get(code or "", code or ""))
