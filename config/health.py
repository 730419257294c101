"""Is the house up? `/healthz`: this process answers. `/readyz`: database, Redis, worker and beat too."""

from datetime import timedelta

import redis
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from config.embedded import redis_client_url
from notifications.models import Heartbeat


def healthz(request: HttpRequest) -> JsonResponse:
    """200 as soon as the process answers."""
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 only when database, Redis, worker and beat are up; else 503. Says which, and how old each heartbeat is."""
    answer: dict[str, object] = {"database": False, "redis": False, "worker": None, "beat": None}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        beats = dict(Heartbeat.objects.values_list("name", "at"))
        answer["database"] = True
    except Error:  # not there, not answering, or not migrated yet
        beats = {}
    try:
        client = redis.Redis.from_url(
            redis_client_url(settings.CELERY_BROKER_URL), socket_timeout=2, socket_connect_timeout=2
        )
        with client:
            answer["redis"] = bool(client.ping())
    except redis.RedisError:
        pass
    now, stale_after = timezone.now(), timedelta(seconds=settings.HEARTBEAT_STALE_SECONDS)
    for name in ("worker", "beat"):
        if name in beats:
            answer[name] = round((now - beats[name]).total_seconds(), 1)
    alive = all(name in beats and now - beats[name] < stale_after for name in ("worker", "beat"))
    ready = bool(answer["database"] and answer["redis"] and alive)
    response = JsonResponse({"ready": ready, **answer}, status=200 if ready else 503)
    response._has_been_logged = True  # whoever asks hears it; a line a probe would bury what matters
    return response
