"""What the beat rings for is there, and what deletes rows does so at night."""

from celery.schedules import crontab
from django.conf import settings

from config.celery import app


def test_every_scheduled_task_exists():
    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name


def test_what_is_deleted_is_deleted_at_night_every_night():
    purges = {e["task"]: e["schedule"] for e in settings.CELERY_BEAT_SCHEDULE.values() if "purge" in e["task"]}
    assert set(purges) == {"staff.purge_sessions", "staff.purge_answers", "subjects.purge_codes"}
    for schedule in purges.values():
        assert isinstance(schedule, crontab)
        assert schedule.hour <= {0, 1, 2, 3, 4, 5}
        assert len(schedule.day_of_week) == 7
    assert settings.CELERY_TIMEZONE == "Asia/Almaty"
