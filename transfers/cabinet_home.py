"""What the transfers app shows on the cabinet's home."""

from django.utils.translation import gettext_lazy as _

from subjects import cabinet

cabinet.LINKS.append(cabinet.Link(17, "transfers:received", _("Who received my data")))
