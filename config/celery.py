import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config import embedded

embedded.ensure()

from celery import Celery  # noqa: E402
from celery.signals import setup_logging  # noqa: E402

from config import broker  # noqa: E402

broker.use()

app = Celery("kelisim")
app.set_default()  # for every thread: a new app is otherwise current in the thread that made it only
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_kwargs: object) -> None:
    """Celery would otherwise replace the JSON logging that the settings configured."""
