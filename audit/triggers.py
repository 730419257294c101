"""Triggers that protect what was done. All are compiled so that `SET pgtrigger.ignore` cannot skip them."""

import pgtrigger
from django.db import models
from pgtrigger import compiler, registry

HISTORY_COLUMNS = "history_date, history_type, history_user_id, history_change_reason, actor, request_id, txid, db_user"
ACT = """
    _actor text := nullif(current_setting('kelisim.actor', true), '');
    _request text := coalesce(current_setting('kelisim.request_id', true), '');
    _reason text := nullif(current_setting('kelisim.reason', true), '');
"""
OFFICER = "CASE WHEN _actor ~ '^officer:[0-9]+$' THEN substr(_actor, 9)::bigint END"


class UnskippableSql(compiler.UpsertTriggerSql):
    """pgtrigger's template without the block that honours `pgtrigger.ignore`, and with a fixed search_path."""

    def get_template(self) -> str:
        return """
            CREATE OR REPLACE FUNCTION {pgid}()
            RETURNS TRIGGER AS $$
                {declare}
                BEGIN
                    {func}
                END;
            $$ LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp;

            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE {constraint} TRIGGER {pgid}
                {when} {operation} ON {table}
                {timing}
                {referencing}
                FOR EACH {level} {condition}
                EXECUTE PROCEDURE {execute};

            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class HouseTrigger(pgtrigger.Trigger):
    """The base of every protecting trigger of the house."""

    def register(self, *models: type[models.Model]) -> None:
        """As pgtrigger's own, which walks all triggers there are for each new one: five hundred of them are felt by
        every process that starts. KeyError for a second trigger of the same name on a table."""
        known = registry._registry.data
        for model in models:
            uri = self.get_uri(model)
            if uri in known and known[uri][1] != self:
                raise KeyError(f"{uri} is registered already.")
            for options in (model._meta.__dict__, model._meta.original_attrs):
                if self not in options.get("triggers", []):
                    options["triggers"] = [*options.get("triggers", []), self]
            known[uri] = (model, self)

    def compile(self, model: type[models.Model]) -> compiler.Trigger:
        compiled = super().compile(model)
        kwargs = {k: v for k, v in compiled.sql.kwargs.items() if k != "ignore_func_name"}
        return compiler.Trigger(name=self.name, sql=UnskippableSql(**kwargs))


def _refuse(sentence: str) -> str:
    return f"RAISE EXCEPTION '{sentence}' USING ERRCODE = 'check_violation'; RETURN NULL;"


class AppendOnly(HouseTrigger):
    """Refuses every UPDATE and DELETE statement: a new fact is a new row."""

    name = "append_only"
    when, level = pgtrigger.Before, pgtrigger.Statement
    operation = pgtrigger.Update | pgtrigger.Delete

    def get_func(self, model: type[models.Model]) -> str:
        return _refuse(f"{model._meta.db_table} is append-only: nothing in it is changed or deleted")


class OnlyByTriggers(HouseTrigger):
    """Refuses every INSERT but those of a trigger: nobody writes a history of what did not happen."""

    name = "only_by_triggers"
    when, level, operation = pgtrigger.Before, pgtrigger.Statement, pgtrigger.Insert

    def get_func(self, model: type[models.Model]) -> str:
        # this trigger itself is one level deep
        refuse = _refuse(f"{model._meta.db_table} is written by triggers only")
        return f"IF pg_trigger_depth() < 2 THEN {refuse} END IF; RETURN NULL;"


class NoTruncate(HouseTrigger):
    """Refuses TRUNCATE, which no row trigger would see."""

    name = "no_truncate"
    when, level, operation = pgtrigger.Before, pgtrigger.Statement, pgtrigger.Truncate

    def get_func(self, model: type[models.Model]) -> str:
        return _refuse(f"{model._meta.db_table} may not be truncated: its history would not know")


class FrozenKey(HouseTrigger):
    """Refuses a changed primary key: the history would lose the thread."""

    name = "frozen_key"
    when, level, operation = pgtrigger.Before, pgtrigger.Row, pgtrigger.Update

    def render_condition(self, model: type[models.Model]) -> str:
        pk = model._meta.pk.column
        return f'WHEN (OLD."{pk}" IS DISTINCT FROM NEW."{pk}")'

    def get_func(self, model: type[models.Model]) -> str:
        return _refuse(f"the primary key of {model._meta.db_table} never changes")


class EventStamp(HouseTrigger):
    """Fills when, who and where-from of an event row from the database itself; refuses an empty actor."""

    name = "event_stamp"
    when, level, operation = pgtrigger.Before, pgtrigger.Row, pgtrigger.Insert

    def render_declare(self, model: type[models.Model]) -> str:
        return f"DECLARE {ACT}"

    def get_func(self, model: type[models.Model]) -> str:
        return f"""
            IF _actor IS NULL THEN
                RAISE EXCEPTION 'no actor: {model._meta.db_table} is written by somebody (audit.actor.acting_as)'
                USING ERRCODE = 'check_violation';
            END IF;
            NEW.at := clock_timestamp();
            NEW.actor := _actor;
            NEW.user_id := {OFFICER};
            NEW.request_id := _request;
            NEW.db_user := session_user;
            RETURN NEW;
        """


class HistoryWriter(HouseTrigger):
    """Writes the history rows of one statement, whoever issued it; one trigger per operation, because
    transition tables allow no more."""

    when, level = pgtrigger.After, pgtrigger.Statement
    KINDS = {
        "+": ("history_insert", pgtrigger.Insert, {"new": "new_rows"}),
        "~": ("history_update", pgtrigger.Update, {"old": "old_rows", "new": "new_rows"}),
        "-": ("history_delete", pgtrigger.Delete, {"old": "old_rows"}),
    }

    def __init__(self, history: type[models.Model], kind: str) -> None:
        self.history, self.kind = history, kind
        name, operation, tables = self.KINDS[kind]
        super().__init__(name=name, operation=operation, referencing=pgtrigger.Referencing(**tables))

    def render_declare(self, model: type[models.Model]) -> str:
        return f"DECLARE {ACT}"

    def get_func(self, model: type[models.Model]) -> str:
        columns = [f'"{field.column}"' for field in self.history.tracked_fields]
        pk = f'"{model._meta.pk.column}"'
        old = ", ".join(f"o.{c}" for c in columns)
        new = ", ".join(f"r.{c}" for c in columns)
        source = {
            "+": "new_rows r",
            "-": "old_rows r",
            "~": f"new_rows r JOIN old_rows o ON o.{pk} = r.{pk} WHERE ({old}) IS DISTINCT FROM ({new})",
        }[self.kind]
        return f"""
            IF _actor IS NULL THEN
                IF EXISTS (SELECT 1 FROM {"old_rows" if self.kind == "-" else "new_rows"}) THEN
                    RAISE EXCEPTION 'no actor: {model._meta.db_table} is written by somebody (audit.actor.acting_as)'
                    USING ERRCODE = 'check_violation';
                END IF;
                RETURN NULL;
            END IF;
            INSERT INTO "{self.history._meta.db_table}" ({", ".join(columns)}, {HISTORY_COLUMNS})
            SELECT {new}, clock_timestamp(), '{self.kind}', {OFFICER}, _reason, _actor, _request,
                txid_current(), session_user
            FROM {source};
            RETURN NULL;
        """
