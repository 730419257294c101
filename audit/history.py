"""History that cannot be bypassed (DESIGN 3): simple-history's tables, diffs, admin and `as_of`; our writer."""

from collections.abc import Iterable

import simple_history
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.triggers import AppendOnly, FrozenKey, HistoryWriter, NoTruncate, OnlyByTriggers


class HistoryContext(models.Model):
    """What every history row says beside the row itself."""

    actor = models.TextField(_("actor"))
    request_id = models.TextField(_("request"), blank=True)
    txid = models.BigIntegerField(_("transaction"))
    db_user = models.TextField(_("database user"))

    class Meta:
        abstract = True


def track(model: type[models.Model], *, exclude: Iterable[str] = ()) -> type[models.Model]:
    """Give `model` a history that every INSERT, UPDATE and DELETE leaves, whoever issues it.

    Call it in `AppConfig.ready()`, after modeltranslation has registered, or the translated columns are lost.
    `exclude`: names of fields that history must not hold (a password hash). Returns the model.
    """
    simple_history.register(
        model,
        bases=[HistoryContext],
        history_id_field=models.BigAutoField(),
        excluded_fields=list(exclude),
        user_db_constraint=False,
    )
    history = model.history.model
    for trigger in (AppendOnly(), NoTruncate(), OnlyByTriggers()):
        trigger.register(history)
    for trigger in (*(HistoryWriter(history, kind) for kind in "+~-"), NoTruncate(), FrozenKey()):
        trigger.register(model)
    return model


def is_tracked(model: type[models.Model]) -> bool:
    """Whether `track` was called for the model."""
    return hasattr(model._meta, "simple_history_manager_attribute")
