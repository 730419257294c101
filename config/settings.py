"""Settings, one file, safe for production; every secret comes from the environment (or NAME_FILE) and has no default.

`KELISIM_ENV` is `production` unless the dependency group `embedded` is installed; then PostgreSQL, Redis, keys and
mail live under `KELISIM_VAR` and nothing else is needed (DESIGN 2).
"""

import gc
import os
from pathlib import Path
from urllib.parse import quote

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

from config import channels, embedded
from config.logs import logging_config

# nothing that is made until every app is ready is garbage: looking for some takes a third of the start (config.apps)
gc.disable()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("KELISIM_VAR") or BASE_DIR / "var")

env = environ.FileAwareEnv()
KELISIM_ENV = env.str("KELISIM_ENV", "embedded" if embedded.is_installed() else "production")
if KELISIM_ENV not in ("production", "embedded"):
    raise ImproperlyConfigured(f"KELISIM_ENV is production or embedded, not {KELISIM_ENV!r}.")
PRODUCTION = KELISIM_ENV == "production"

SECRETS = {
    "DATABASE_URL": "the PostgreSQL database, postgres://user:password@host/name",
    "REDIS_URL": "the Celery broker, rediss://…",
    "SECRET_KEY": "signs sessions and links; 50 random characters or more",
    "KELISIM_KEY_ENCRYPTION_KEYS": "wrap the keys of persons: version:base64 of 32 bytes, the active one first",
    "KELISIM_INDEX_KEY": "makes the search index: base64 of 32 bytes",
    "ALLOWED_HOSTS": "the host names the site answers to, separated by commas",
    "EMAIL_URL": "the mail server, smtp+tls://user:password@host:587",
    "KELISIM_SITE_URL": "the address customers see, https://…; it stands in letters",
}
if PRODUCTION:
    missing = [name for name in SECRETS if not (os.environ.get(name) or os.environ.get(f"{name}_FILE"))]
    if missing:
        lines = "\n".join(f"  {name}: {SECRETS[name]}" for name in missing)
        raise ImproperlyConfigured(f"Kelisim does not start in production without:\n{lines}")
else:
    for name, value in embedded.secrets(VAR).items():
        os.environ.setdefault(name, value)

SECRET_KEY = env.str("SECRET_KEY")
KEY_ENCRYPTION_KEYS = env.str("KELISIM_KEY_ENCRYPTION_KEYS")
INDEX_KEY = env.str("KELISIM_INDEX_KEY")
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
PORT = env.int("KELISIM_PORT", 8000)
SITE_URL = env.str("KELISIM_SITE_URL", f"http://localhost:{PORT}").rstrip("/")

INSTALLED_APPS = [
    "modeltranslation",
    "config.apps.KelisimAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "pgtrigger",
    "simple_history",
    "ninja",  # for the files of its page: without them it would fetch a CDN's
    "audit",
    "staff",
    "notifications",
    "subjects",
    "policies",
    "consent",
    "transfers",
    "config.apps.ConfigConfig",
]

MIDDLEWARE = [
    "config.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.TwoSessions",
    "django.middleware.locale.LocaleMiddleware",
    "config.middleware.ApiProblems",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.Actor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.PrivatePages",
    "staff.middleware.UndertakingGate",
    "config.middleware.RefusedByTheDatabase",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "staff.context.operator",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

# PostgreSQL only. The web process takes connections from a pool; workers and commands keep one each.
DATABASES = {"default": env.db_url("DATABASE_URL", engine="django.db.backends.postgresql")}
DATABASES["default"]["TEST"] = {"TEMPLATE": "template0"}
# only statements that ask for it are prepared, as the gate's are; Django's own bind in the client and never do
DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = 5
if env.bool("KELISIM_DB_POOL", False):
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": env.int("KELISIM_DB_POOL_SIZE", 10)}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "staff.StaffUser"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 60 * 60
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "ru"
LANGUAGES = [("kk", "Қазақша"), ("ru", "Русский"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
MODELTRANSLATION_DEFAULT_LANGUAGE = "ru"
MODELTRANSLATION_LANGUAGES = ("ru", "kk", "en")
MODELTRANSLATION_FALLBACK_LANGUAGES = ()
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Almaty"
FORMAT_MODULE_PATH = ["config.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = False

SESSION_COOKIE_AGE = 10 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = True, "Lax"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
CABINET_COOKIE_NAME = "kelisim_cabinet"
CABINET_IDLE_SECONDS = 30 * 60
# The one proxy in front: it says over what scheme and from where the visitor came.
BEHIND_PROXY = env.bool("KELISIM_BEHIND_PROXY", False)
SECURE = env.bool("KELISIM_HTTPS", PRODUCTION)
if SECURE:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    CABINET_COOKIE_NAME = "__Host-cabinet"
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 2 * 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    if BEHIND_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        **{
            directive: ["'self'"]
            for directive in ("script-src", "style-src", "img-src", "font-src", "connect-src", "form-action")
        },
        "frame-src": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}
# the matrix of purposes and categories is one form: a select a cell
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# History: simple-history's tables and pages, our triggers (DESIGN 3, ADR 1).
SIMPLE_HISTORY_ENABLED = False
SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
SIMPLE_HISTORY_DATE_INDEX = "composite"

# Celery: a doorbell. Ids in JSON, no results; what must not be lost is a row in PostgreSQL.
CELERY_BROKER_URL = env.str("REDIS_URL")
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "notifications.heartbeat", "schedule": 10.0, "options": {"expires": 10}},
    "changes": {"task": "consent.tell_systems", "schedule": 10.0, "options": {"expires": 10}},
    "sweep": {"task": "notifications.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "forgotten codes": {"task": "subjects.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "expired sessions": {"task": "staff.purge_sessions", "schedule": crontab(hour=3, minute=10)},
    "old codes": {"task": "subjects.purge_codes", "schedule": crontab(hour=3, minute=20)},
    "terms of consents": {"task": "consent.keep_terms", "schedule": crontab(hour=9, minute=10)},
    "forgotten batches": {"task": "transfers.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "requests that are due": {"task": "subjects.tell_of_requests", "schedule": crontab(hour=8, minute=30)},
    "agreements that end": {"task": "transfers.tell_of_ending", "schedule": crontab(hour=9, minute=20)},
    "transfers that people are told of": {"task": "transfers.tell_of_transfers", "schedule": crontab(minute=40)},
    # shortly after midnight in Almaty: from this day they act themselves
    "coming of age": {"task": "subjects.come_of_age", "schedule": crontab(hour=0, minute=20)},
    "old answers of the API": {"task": "staff.purge_answers", "schedule": crontab(hour=3, minute=30)},
}

# How old the last sign of life of worker and beat may be before `/readyz` says 503; they give one every 2 and 10 s.
HEARTBEAT_STALE_SECONDS = env.int("KELISIM_HEARTBEAT_STALE_SECONDS", 35)

# Mail. `EMAIL_URL` is read by notifications.smtp; Django's own mail functions are not used.
EMAIL_URL = env.str("EMAIL_URL", f"smtp://localhost:{env.int('KELISIM_SMTP_PORT', 2525)}")
EMAIL_SENDER = env.str("KELISIM_EMAIL_SENDER", "")
# SMS: the second way a code goes. Empty: none are sent. The demo's telephone is a folder.
SMS_URL = env.str("KELISIM_SMS_URL", "" if PRODUCTION else f"file://{quote(str(VAR / 'sms'))}")
if PRODUCTION and (lacking := channels.missing(EMAIL_URL, SMS_URL)):
    raise ImproperlyConfigured(
        "Kelisim does not open the cabinet in production when no code can reach anybody. It lacks:\n"
        + "\n".join(f"  {line}" for line in lacking)
    )
# Tokens by which our own site hands over a customer who is signed in there: whom they are made out to.
HANDOVER_AUDIENCE = f"{SITE_URL}/cabinet/enter"
# How long a letter may be claimed or on its way without a sign of life from its worker.
LETTER_LEASE_SECONDS = env.int("KELISIM_LETTER_LEASE_SECONDS", 120)
# A wrong address is found at the first letters; an old letter, forwarded or found, must not stop anybody's address.
NOT_MINE_LINK_DAYS = env.int("KELISIM_NOT_MINE_LINK_DAYS", 180)
# Where changes may be posted: out of the house, and to these hosts within it; a demo's house is one machine.
WEBHOOKS_ANYWHERE = not PRODUCTION
WEBHOOK_INSIDE_HOSTS = [host.lower() for host in env.list("KELISIM_WEBHOOK_INSIDE_HOSTS", default=[])]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

LOGGING_CONFIG = None
LOGGING = logging_config(pretty=env.bool("KELISIM_PRETTY_LOGS", False))
SILENCED_SYSTEM_CHECKS = [
    "security.W021" if not PRODUCTION else "",
]
SILENCED_SYSTEM_CHECKS = [code for code in SILENCED_SYSTEM_CHECKS if code]
