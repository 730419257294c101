"""Indexes that another one of the same table begins with. Dropped apart from the keys: Django would check every key anew."""

import django.db.models.deletion
from django.db import migrations, models

TWICE = (
    ("policies_clause_version_id_fc90f448", "policies_clause", "version_id"),
    ("policies_policysource_version_id_da4d7b70", "policies_policysource", "version_id"),
    ("policies_policyversion_policy_id_e55d4e9f", "policies_policyversion", "policy_id"),
)


def dropped(index: str, table: str, column: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):
    atomic = False  # nobody waits for it, and no lock is held for the next one

    dependencies = [
        ("policies", "0007_legal_acts"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[dropped(*one) for one in TWICE],
            state_operations=[
                migrations.AlterField(
                    model_name="clause",
                    name="version",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="clauses",
                        to="policies.policyversion",
                        verbose_name="version",
                    ),
                ),
                migrations.AlterField(
                    model_name="policysource",
                    name="version",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sources",
                        to="policies.policyversion",
                        verbose_name="version",
                    ),
                ),
                migrations.AlterField(
                    model_name="policyversion",
                    name="policy",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="policies.policy",
                        verbose_name="policy",
                    ),
                ),
            ],
        )
    ]
