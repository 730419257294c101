"""Indexes that another one of the same table begins with. Dropped apart from the keys: Django would check every key anew."""

import django.db.models.deletion
from django.db import migrations, models

TWICE = (
    ("consent_acknowledgement_subject_id_f12e40c8", "consent_acknowledgement", "subject_id"),
    ("consent_clauselink_policy_id_4545cb7c", "consent_clauselink", "policy_id"),
    ("consent_consentevent_subject_id_ec3ed291", "consent_consentevent", "subject_id"),
    ("consent_consentformversion_form_id_1242bddf", "consent_consentformversion", "form_id"),
    ("consent_consentstate_form_id_d59aa146", "consent_consentstate", "form_id"),
    ("consent_consentstate_subject_id_b6752646", "consent_consentstate", "subject_id"),
    ("consent_datalistentry_data_list_id_1e28e1ed", "consent_datalistentry", "data_list_id"),
    ("consent_formitem_version_id_8a74310e", "consent_formitem", "version_id"),
    ("consent_formserved_subject_id_274794f8", "consent_formserved", "subject_id"),
    ("consent_noticeserved_subject_id_16a6daea", "consent_noticeserved", "subject_id"),
    ("consent_scan_subject_id_100a0077", "consent_scan", "subject_id"),
)


def dropped(index: str, table: str, column: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):
    atomic = False  # nobody waits for it, and no lock is held for the next one

    dependencies = [
        ("consent", "0011_imports_by_a_worker"),
        ("policies", "0008_no_index_twice"),
        ("subjects", "0046_no_index_twice"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[dropped(*one) for one in TWICE],
            state_operations=[
                migrations.AlterField(
                    model_name="acknowledgement",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acknowledgements",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="clauselink",
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
                    model_name="consentevent",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consent_events",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="consentformversion",
                    name="form",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="consent.consentform",
                        verbose_name="form",
                    ),
                ),
                migrations.AlterField(
                    model_name="consentstate",
                    name="form",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="states",
                        to="consent.consentform",
                        verbose_name="form",
                    ),
                ),
                migrations.AlterField(
                    model_name="consentstate",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consent_states",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="datalistentry",
                    name="data_list",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="entries",
                        to="consent.datalist",
                        verbose_name="list",
                    ),
                ),
                migrations.AlterField(
                    model_name="formitem",
                    name="version",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="consent.consentformversion",
                        verbose_name="version",
                    ),
                ),
                migrations.AlterField(
                    model_name="formserved",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="forms_served",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="noticeserved",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices_served",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="scan",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scans",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
            ],
        )
    ]
