from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class KelisimAdminSite(AdminSite):
    """The officers' place. Stock Django admin, lightly branded (DESIGN 2)."""

    site_title = site_header = "Kelisim"
    index_title = _("What needs me")
    enable_nav_sidebar = True
    empty_value_display = "—"
