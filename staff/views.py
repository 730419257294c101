"""Pages of staff that are no admin: the undertaking, and the way to a password."""

from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods, require_safe

from staff import services
from staff.forms import NewPasswordForm, PasswordResetForm
from staff.models import StaffUser, Undertaking, UndertakingAcceptance
from staff.sign_in import Visitor


@staff_member_required(login_url="admin:login")
@require_http_methods(["GET", "HEAD", "POST"])
def undertaking(request: HttpRequest) -> HttpResponse:
    """The text that every member of staff accepts before they see anything (policy 4.3); 409 when it changed."""
    error, status = "", 200
    if request.method == "POST":
        try:
            version, language = int(request.POST["version"]), request.POST["language"]
        except (KeyError, ValueError):
            return render(request, "400.html", status=400)
        try:
            services.accept_undertaking(user=request.user, language=language, version_expected=version)
        except services.NewerUndertaking as newer:
            error, status = newer.messages[0], 409
        except ValidationError:
            return render(request, "400.html", status=400)
        else:
            return redirect("admin:index")
    current = Undertaking.objects.current()
    text, language = current.text(get_language()) if current else ("", "")
    context = {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": gettext("Undertaking of confidentiality"),
        "undertaking": current,
        "text": text,
        "language": language,
        "accepted": current and UndertakingAcceptance.objects.filter(user=request.user, undertaking=current).first(),
        "error": error,
    }
    return render(request, "staff/undertaking.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def password_reset(request: HttpRequest) -> HttpResponse:
    """Ask for a link by e-mail; the answer is the same whoever asks."""
    form = PasswordResetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.ask_password_reset(email=form.cleaned_data["email"], visitor=Visitor.of(request))
        return redirect("staff:password-reset-sent")
    return render(request, "staff/password_reset.html", {"title": gettext("Set a new password"), "form": form})


@require_safe
def password_reset_sent(request: HttpRequest) -> HttpResponse:
    """What happens next, whether or not there is such an account."""
    return render(request, "staff/password_reset_sent.html", {"title": gettext("Look into your mail")})


class SetPassword(PasswordResetConfirmView):
    """The page behind a one-time link. Django keeps the token out of the address while the form is shown."""

    form_class = NewPasswordForm
    template_name = "staff/set_password.html"
    success_url = reverse_lazy("admin:login")

    def get_user(self, uidb64: str) -> StaffUser | None:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: NewPasswordForm) -> HttpResponse:
        services.set_password(
            user=self.user, password=form.cleaned_data["new_password1"], visitor=Visitor.of(self.request)
        )
        del self.request.session[INTERNAL_RESET_SESSION_TOKEN]
        messages.success(self.request, gettext("The password is set. Sign in with it."))
        return redirect(self.success_url)
