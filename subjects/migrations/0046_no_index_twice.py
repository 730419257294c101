"""Indexes that another one of the same table begins with. Dropped apart from the keys: Django would check every key anew.

The two of the history of automated decisions nobody looked things up by.
"""

import django.db.models.deletion
from django.db import migrations, models

TWICE = (
    ("subjects_automateddecision_client_6e472ef3", "subjects_automateddecision", "client"),
    ("subjects_automateddecision_client_6e472ef3_like", "subjects_automateddecision", "client varchar_pattern_ops"),
    ("subjects_cabinetevent_subject_id_109e4ed3", "subjects_cabinetevent", "subject_id"),
    ("subjects_cabinetsession_subject_id_1db5a3c7", "subjects_cabinetsession", "subject_id"),
    ("subjects_documentseen_subject_id_770c7ea5", "subjects_documentseen", "subject_id"),
    ("subjects_historicalautomateddecision_client_6d62e378", "subjects_historicalautomateddecision", "client"),
    (
        "subjects_historicalautomateddecision_client_6d62e378_like",
        "subjects_historicalautomateddecision",
        "client varchar_pattern_ops",
    ),
    ("subjects_personaldata_subject_id_13bef4e8", "subjects_personaldata", "subject_id"),
    ("subjects_requestfile_subject_request_id_3ffe7c43", "subjects_requestfile", "subject_request_id"),
    ("subjects_requestitem_subject_request_id_e7eb7d27", "subjects_requestitem", "subject_request_id"),
    ("subjects_searchkey_subject_id_28b156c6", "subjects_searchkey", "subject_id"),
    ("subjects_signincode_subject_id_c2aa12e0", "subjects_signincode", "subject_id"),
    ("subjects_subjectkey_subject_id_7aa98b78", "subjects_subjectkey", "subject_id"),
    ("subjects_subjectrequest_subject_id_648291f5", "subjects_subjectrequest", "subject_id"),
    ("subjects_systemcategory_system_id_3c9a420b", "subjects_systemcategory", "system_id"),
    ("subjects_technicalholding_subject_id_b647ab6a", "subjects_technicalholding", "subject_id"),
    ("subjects_textmessage_subject_id_01145ed7", "subjects_textmessage", "subject_id"),
)


def dropped(index: str, table: str, column: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):
    atomic = False  # nobody waits for it, and no lock is held for the next one

    dependencies = [
        ("subjects", "0045_some_is_granted_some_refused"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[dropped(*one) for one in TWICE],
            state_operations=[
                migrations.AlterField(
                    model_name="automateddecision",
                    name="client",
                    field=models.SlugField(db_index=False, editable=False, max_length=40, verbose_name="system"),
                ),
                migrations.AlterField(
                    model_name="cabinetevent",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cabinet_events",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="cabinetsession",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cabinet_sessions",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="documentseen",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents_seen",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="historicalautomateddecision",
                    name="client",
                    field=models.SlugField(db_index=False, editable=False, max_length=40, verbose_name="system"),
                ),
                migrations.AlterField(
                    model_name="personaldata",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="values",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="requestfile",
                    name="subject_request",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="subjects.subjectrequest",
                        verbose_name="request",
                    ),
                ),
                migrations.AlterField(
                    model_name="requestitem",
                    name="subject_request",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="subjects.subjectrequest",
                        verbose_name="request",
                    ),
                ),
                migrations.AlterField(
                    model_name="searchkey",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="search_keys",
                        to="subjects.datasubject",
                    ),
                ),
                migrations.AlterField(
                    model_name="signincode",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_in_codes",
                        to="subjects.datasubject",
                    ),
                ),
                migrations.AlterField(
                    model_name="subjectkey",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="keys",
                        to="subjects.datasubject",
                    ),
                ),
                migrations.AlterField(
                    model_name="subjectrequest",
                    name="subject",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="systemcategory",
                    name="system",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="categories",
                        to="subjects.sourcesystem",
                        verbose_name="system",
                    ),
                ),
                migrations.AlterField(
                    model_name="technicalholding",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holdings",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
                migrations.AlterField(
                    model_name="textmessage",
                    name="subject",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="text_messages",
                        to="subjects.datasubject",
                        verbose_name="data subject",
                    ),
                ),
            ],
        )
    ]
