"""Indexes that another one of the same table begins with. Dropped apart from the keys: Django would check every key anew."""

import django.db.models.deletion
from django.db import migrations, models

TWICE = (("staff_idempotentanswer_client_id_d1f5680b", "staff_idempotentanswer", "client_id"),)


def dropped(index: str, table: str, column: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):
    atomic = False  # nobody waits for it, and no lock is held for the next one

    dependencies = [
        ("staff", "0006_rights_of_transfers"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[dropped(*one) for one in TWICE],
            state_operations=[
                migrations.AlterField(
                    model_name="idempotentanswer",
                    name="client",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="staff.apiclient",
                    ),
                ),
            ],
        )
    ]
