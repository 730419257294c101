"""What staff type: sign-in, passwords, accounts, roles."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import SetPasswordForm
from django.utils.translation import gettext_lazy as _

from staff import sign_in
from staff.enums import Language, Role
from staff.models import StaffUser


class SignInForm(AdminAuthenticationForm):
    """Name and password; the same sentence whichever is wrong, none of both looked at once a limit is reached."""

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": _("This name and this password do not belong together. Capital and small letters differ."),
    }

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name and password:
            self.user_cache = sign_in.attempt(request=self.request, name=name, password=password)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
        return self.cleaned_data


class NewPasswordForm(SetPasswordForm):
    """A password twice, behind a one-time link. Saving is the view's, through the service."""

    def save(self, commit: bool = True) -> StaffUser:
        raise NotImplementedError("staff.services.set_password sets it")


class PasswordResetForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class AccountForm(forms.Form):
    """A new account: who, and with which role."""

    username = forms.CharField(
        label=_("Sign-in name"),
        max_length=150,
        help_text=_("Letters, digits and @ . + - _"),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
    )
    email = forms.EmailField(
        label=_("E-mail"),
        help_text=_("The link to set a password goes there; nobody else sees it."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role)
    position = forms.CharField(label=_("Position"), max_length=120, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=Language, initial=Language.RU)


class RoleForm(forms.Form):
    """One of the roles that a step is about."""

    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, roles: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(role, Role(role).label) for role in roles]
