"""The pages on which an officer has a transfer authorised and takes the data out, once."""

import uuid

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from transfers import packages, services
from transfers.admin.answer import answer
from transfers.admin.forms import QuestionForm
from transfers.enums import Direction
from transfers.package_files import File, Format
from transfers.packages import PackageReason

RIGHTS = ("transfers.authorise_transfer", "transfers.prepare_package")


class SendForm(QuestionForm):
    """The question of a transfer to be authorised now. key: of this showing of the form, so that twice is once."""

    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["at"], self.fields["direction"]
        self.initial.setdefault("key", uuid.uuid4())

    def clean(self) -> dict:
        found = super().clean()
        return {**found, "at": None, "direction": Direction.OUTGOING}


class PackageForm(forms.Form):
    """How the file shall be and why it is taken out."""

    format = forms.ChoiceField(label=_("File"), choices=Format)
    reason = forms.ChoiceField(label=_("Reason"), choices=[("", "—"), *PackageReason.choices])
    token = forms.CharField(widget=forms.HiddenInput, max_length=80)


def no_trace(name: str) -> dict[str, str]:
    """Headers of a download that nobody keeps on the way."""
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


def handed_out(file: File, name: str) -> HttpResponse:
    """The file as a download that nobody keeps on the way."""
    return HttpResponse(file.content, content_type=file.media_type, headers=no_trace(name))


def may_send(request: HttpRequest) -> bool:
    """Whether this officer authorises transfers and takes the data out."""
    return all(request.user.has_perm(right) for right in RIGHTS)


class PackagePages:
    """Mixed into the admin of the register."""

    def package_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("send/", wrap(never_cache(self.send_view)), name="transfers_send"),
            path("<int:pk>/package/", wrap(require_POST(self.package_view)), name="transfers_package"),
        ]

    def send_view(self, request: HttpRequest) -> HttpResponse:
        """Have a transfer authorised; when the data may go, the page asks for the kind of file and the reason."""
        if not may_send(request):
            raise PermissionDenied
        form = SendForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            key = f"send:{form.cleaned_data['key']}"
            try:
                given = services.authorise(question=form.question(), idempotency_key=key)
            except ValidationError as error:
                form.add_error(None, error.messages[0])
            else:
                return self._answered(request, given)
        title = gettext("Send data to a recipient")
        return self._page(request, "send", title, 422 if form.errors else 200, form=form)

    def _answered(self, request: HttpRequest, given: services.Authorised) -> HttpResponse:
        allowed = given.token is not None
        return self._page(
            request,
            "sending",
            gettext("Transfer %(transfer)s") % {"transfer": given.transfer},
            original=given.transfer,
            answer=answer(request, given.decision),
            allowed=allowed,
            repeated=given.repeated,
            minutes=int(services.TOKEN_LIFE.total_seconds() // 60),
            form=PackageForm(initial={"token": given.token}) if allowed else None,
        )

    def package_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Hand the file out; from that moment the transfer is released with its SHA-256."""
        if not may_send(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        form = PackageForm(request.POST)
        if form.is_valid():
            given = form.cleaned_data
            try:
                package = packages.prepare(transfer=row, by=request.user, **given)
            except ValidationError as error:
                form.add_error(None, error.messages[0])
            else:
                return handed_out(package.file, f"transfer-{row.public_id}.{given['format']}")
        return self._page(
            request,
            "sending",
            gettext("Transfer %(transfer)s") % {"transfer": row},
            422,
            original=row,
            answer=answer(request, self._kept(row)),
            allowed=True,
            form=form,
        )
