"""A person's own keys: all of them, in and across organizations."""


from django.http import HttpRequest, HttpResponse

from identity.actions import api_keys
from identity.console.forms import NewPersonalKeyForm
from identity.console.key_acts import (
    EditKey,
    ExtendKey,
    KeyAct,
    RevokeKey,
    RotateKey,
    StopKey,
    address,
    platform_scopes,
    row_of,
    show_once,
)
from identity.queries import personal_keys_of
from kernel.pagination import Order, paginate
from orgs.doors.console import PersonPage
from orgs.models import Organization


class Keys(PersonPage):
    """The list of one's own keys."""

    def get(self, request: HttpRequest) -> HttpResponse:
        page = paginate(
            personal_keys_of(self.person),
            order=Order("id", descending=True),
            cursor=request.GET.get("cursor"),
        )
        base = address("personal_keys")
        rows = [row_of(key, base=base, may_change=True, may_rotate=True) for key in page.rows]
        return self.render("identity/personal_keys.html", keys=page, rows=rows)


class NewKey(PersonPage):
    """A new key of one's own, for one organization or for all."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._draw(self._form())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._draw(form, status=422)
        done = self.act(
            lambda: api_keys.create(
                actor=self.principal,
                organization=form.chosen_organization(),
                owner=self.person,
                name=form.cleaned_data["name"],
                scopes=form.chosen_scopes(),
                expires_at=form.expires_at(),
                allowed_networks=form.networks(),
                legacy=form.cleaned_data["legacy"],
            ),
            form=form,
        )
        if done.value is None:
            return self._draw(form, status=done.status)
        return show_once(self, done.value, back=address("personal_keys"))

    def _form(self, data: object = None) -> NewPersonalKeyForm:
        mine = Organization.objects.of_user(self.person.pk).order_by("name", "id")
        return NewPersonalKeyForm(data, organizations=mine, platform=platform_scopes())

    def _draw(self, form: NewPersonalKeyForm, *, status: int = 200) -> HttpResponse:
        return self.render(
            "identity/key_new.html",
            status=status,
            form=form,
            form_layout="layouts/form.html",
            owner=self.person,
            cancel_url=address("personal_keys"),
        )


class PersonalKey(PersonPage, KeyAct):
    """A page about one of one's own keys."""

    def enter(self) -> None:
        """Find the key among one's own; everybody else's is missing."""
        super().enter()
        self.key = personal_keys_of(self.person).pick(self.kwargs["key"])
        self.key_organization = self.key.organization
        self.back = address("personal_keys")


class Edit(PersonalKey, EditKey):
    pass


class Rotate(PersonalKey, RotateKey):
    pass


class Extend(PersonalKey, ExtendKey):
    pass


class Stop(PersonalKey, StopKey):
    pass


class Revoke(PersonalKey, RevokeKey):
    pass


