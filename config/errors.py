"""Error pages: a clear sentence and the request id, nothing else (DESIGN 8)."""

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils.html import escape
from django.utils.translation import get_language

log = structlog.get_logger(__name__)

LANGUAGES = ("kk", "ru", "en")
# what is left when not even a template can be rendered; not in the catalogues, which may be what is broken
BARE = """<!DOCTYPE html>
<html lang="kk"><head><meta charset="utf-8"><title>Kelisim</title></head><body>
<p lang="kk">Біздің жақта ақау болды. Бірнеше минуттан кейін қайталап көріңіз.</p>
<p lang="ru">У нас произошёл сбой. Повторите через несколько минут.</p>
<p lang="en">Something broke on our side. Try again in a few minutes.</p>
<p><code>{request_id}</code></p>
</body></html>
"""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: in all three languages, without context processors, session or database, which may be what is broken.

    Should the template itself, the catalogues or the static files be broken, `BARE` is said.
    """
    request_id = getattr(request, "kelisim_id", "")
    try:
        first = get_language()
        languages = sorted(LANGUAGES, key=lambda code: code != first)
        body = loader.get_template("500.html").render({"request_id": request_id, "languages": languages})
    except Exception:
        log.exception("the page of a broken page is broken")
        body = BARE.format(request_id=escape(request_id))
    return HttpResponse(body, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token is missing or old."""
    return render(request, "403_csrf.html", status=403)
