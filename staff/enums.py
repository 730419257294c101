from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Language(models.TextChoices):
    """The languages a person can be written to in; each named in itself."""

    KK = "kk", "Қазақша"
    RU = "ru", "Русский"
    EN = "en", "English"


class Role(models.TextChoices):
    OPERATOR = "operator", pgettext_lazy("role", "Operator")
    OFFICER = "officer", pgettext_lazy("role", "Compliance officer")
    DPO = "dpo", pgettext_lazy("role", "Responsible person")
    AUDITOR = "auditor", pgettext_lazy("role", "Auditor")
    ADMINISTRATOR = "administrator", pgettext_lazy("role", "Administrator")


class SignInOutcome(models.TextChoices):
    SIGNED_IN = "signed_in", _("signed in")
    REFUSED = "refused", _("refused")
    LIMITED = "limited", _("too many tries")
    SIGNED_OUT = "signed_out", _("signed out")
    LINK_ASKED = "link_asked", _("asked for a link to set a password")
    PASSWORD_SET = "password_set", _("set a password")


class Scope(models.TextChoices):
    """What a system may do over the API; each operation names the one it needs."""

    SUBJECTS_READ = "subjects:read", pgettext_lazy("API right", "find data subjects")
    SUBJECTS_WRITE = "subjects:write", pgettext_lazy("API right", "add and change data subjects")
    DATA_WRITE = "data:write", pgettext_lazy("API right", "tell values of data subjects and how they were checked")
    DENYLIST_READ = "denylist:read", pgettext_lazy("API right", "ask who is denied a microcredit")
    AML_READ = "aml:read", pgettext_lazy("API right", "ask who is under financial monitoring")
    DECISIONS_WRITE = "decisions:write", pgettext_lazy("API right", "tell of automated decisions")
    LOANS_WRITE = "loans:write", pgettext_lazy("API right", "tell of applications and contracts")
    FORMS_READ = "forms:read", pgettext_lazy("API right", "read the forms in force")
    CONSENT_READ = "consent:read", pgettext_lazy("API right", "read consents and grounds")
    CONSENT_WRITE = "consent:write", pgettext_lazy("API right", "show forms, record answers and withdrawals")
    TRANSFERS_ASK = "transfers:ask", pgettext_lazy("API right", "ask whether data may be transferred")
    TRANSFERS_WRITE = "transfers:write", pgettext_lazy("API right", "have data transferred")
    CHANGES_READ = "changes:read", pgettext_lazy("API right", "read and acknowledge the change feed")
