"""Indexes that another one of the same table begins with. Dropped apart from the keys: Django would check every key anew."""

import django.db.models.deletion
from django.db import migrations, models

TWICE = (
    ("transfers_batchrow_batch_id_34fc9afd", "transfers_batchrow", "batch_id"),
    ("transfers_batchrow_subject_id_7b4266fd", "transfers_batchrow", "subject_id"),
    ("transfers_demandletter_demand_id_87eed634", "transfers_demandletter", "demand_id"),
    ("transfers_inbounddemand_subject_id_c9dacccd", "transfers_inbounddemand", "subject_id"),
    ("transfers_recipientclause_policy_id_928656a8", "transfers_recipientclause", "policy_id"),
    ("transfers_recipientnotice_recipient_id_8c566e51", "transfers_recipientnotice", "recipient_id"),
    ("transfers_recipientnotice_subject_id_45ffed8c", "transfers_recipientnotice", "subject_id"),
    ("transfers_reconciliationrow_reconciliation_id_43a9927d", "transfers_reconciliationrow", "reconciliation_id"),
    ("transfers_registrypart_file_id_b2011d1a", "transfers_registrypart", "file_id"),
    ("transfers_transfer_purpose_id_9a28c6ac", "transfers_transfer", "purpose_id"),
    ("transfers_transfer_recipient_id_1a0077bb", "transfers_transfer", "recipient_id"),
    ("transfers_transfer_subject_id_fff9b5c8", "transfers_transfer", "subject_id"),
    ("transfers_transfernotice_subject_id_38038103", "transfers_transfernotice", "subject_id"),
)


def dropped(index: str, table: str, column: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):
    atomic = False  # nobody waits for it, and no lock is held for the next one

    dependencies = [
        ("consent", "0012_no_index_twice"),
        ("policies", "0008_no_index_twice"),
        ("subjects", "0046_no_index_twice"),
        ("transfers", "0025_files_of_batches"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[dropped(*one) for one in TWICE],
            state_operations=[
                migrations.AlterField(
                    model_name="batchrow",
                    name="batch",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rows",
                        to="transfers.transferbatch",
                        verbose_name="batch of transfers",
                    ),
                ),
                migrations.AlterField(
                    model_name="batchrow",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="demandletter",
                    name="demand",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="letters",
                        to="transfers.inbounddemand",
                        verbose_name="inbound demand",
                    ),
                ),
                migrations.AlterField(
                    model_name="inbounddemand",
                    name="subject",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="demands",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="recipientclause",
                    name="policy",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="policies.policy",
                        verbose_name="policy",
                    ),
                ),
                migrations.AlterField(
                    model_name="recipientnotice",
                    name="recipient",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="transfers.recipient",
                        verbose_name="recipient",
                    ),
                ),
                migrations.AlterField(
                    model_name="recipientnotice",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="reconciliationrow",
                    name="reconciliation",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rows",
                        to="transfers.reconciliation",
                        verbose_name="reconciliation with a recipient",
                    ),
                ),
                migrations.AlterField(
                    model_name="registrypart",
                    name="file",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="transfers.registryfile",
                    ),
                ),
                migrations.AlterField(
                    model_name="transfer",
                    name="purpose",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers",
                        to="consent.purpose",
                        verbose_name="purpose",
                    ),
                ),
                migrations.AlterField(
                    model_name="transfer",
                    name="recipient",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers",
                        to="transfers.recipient",
                        verbose_name="recipient",
                    ),
                ),
                migrations.AlterField(
                    model_name="transfer",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="transfernotice",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
            ],
        )
    ]
