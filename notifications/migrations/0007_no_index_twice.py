"""Indexes that another one of the same table begins with. Dropped apart from the keys: Django would check every key anew."""

import django.db.models.deletion
from django.db import migrations, models

TWICE = (
    ("notifications_deliveryevent_letter_id_dfc7a5f3", "notifications_deliveryevent", "letter_id"),
    ("notifications_letter_campaign_id_2799fe5f", "notifications_letter", "campaign_id"),
)


def dropped(index: str, table: str, column: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):
    atomic = False  # nobody waits for it, and no lock is held for the next one

    dependencies = [
        ("notifications", "0006_no_start_of_a_campaign"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[dropped(*one) for one in TWICE],
            state_operations=[
                migrations.AlterField(
                    model_name="deliveryevent",
                    name="letter",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="notifications.letter",
                        verbose_name="letter",
                    ),
                ),
                migrations.AlterField(
                    model_name="letter",
                    name="campaign",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="letters",
                        to="notifications.campaign",
                        verbose_name="campaign",
                    ),
                ),
            ],
        )
    ]
