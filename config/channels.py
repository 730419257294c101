"""Whether a code can reach anybody: production does not open a cabinet whose codes go to a folder (issue 5)."""

from urllib.parse import urlsplit

MAIL = ("smtp", "smtp+tls", "smtps")


def missing(email_url: str, sms_url: str) -> list[str]:
    """What keeps codes from customers, each a sentence that names the setting; empty when one channel is real."""
    sms = urlsplit(sms_url)
    if sms_url and (sms.scheme != "https" or not sms.hostname or not sms.username):
        return ["KELISIM_SMS_URL: a provider, https://KEY@host/path?sender=NAME, or nothing at all"]
    mail = urlsplit(email_url)
    if (mail.scheme in MAIL and mail.hostname) or sms_url:
        return []
    return [
        "EMAIL_URL: a mail server, smtp+tls://user:password@host:587; or",
        "KELISIM_SMS_URL: an SMS provider, https://KEY@host/path?sender=NAME",
    ]
