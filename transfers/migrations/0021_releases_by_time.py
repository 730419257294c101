from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Built beside the writers: the table holds every sending there ever was."""

    atomic = False

    dependencies = [("transfers", "0020_what_follows_a_transfer")]

    operations = [
        AddIndexConcurrently(model_name="release", index=models.Index(fields=["at"], name="transfers_release_by_time")),
    ]
