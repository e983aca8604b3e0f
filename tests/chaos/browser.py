"""A browser without a screen: cookies, forms, and how long a page took."""

import http.cookiejar
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from tests.chaos.house import House

PASSWORD = "a long sentence of the owner"
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Page:
    """What came back, redirects followed."""

    status: int
    path: str
    text: str
    seconds: float

    @property
    def is_sign_in(self) -> bool:
        """Whether it asks who one is."""
        return self.path.startswith("/account/login/")


class Browser:
    """Opens pages of the web server."""

    def __init__(self, house: House) -> None:
        self.base = f"http://127.0.0.1:{house.web_port}"
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self._jar)
        )

    def cookie(self, name: str) -> str:
        """Return a cookie's value."""
        return next(cookie.value or "" for cookie in self._jar if cookie.name == name)

    def open(
        self, path: str, form: dict[str, str] | None = None, *, timeout: float = 30
    ) -> Page:
        """Open a page, or send a form to it."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(f"{self.base}{path}", data=data)
        began = time.monotonic()
        try:
            answer = self._opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode()
            return Page(
                answer.status, urllib.parse.urlsplit(answer.url).path, text,
                time.monotonic() - began,
            )  # fmt: skip

    def sign_in(self, login: str, password: str = PASSWORD) -> Page:
        """Fill in the sign-in page."""
        (token,) = set(_TOKEN.findall(self.open("/account/login/").text))
        return self.open(
            "/account/login/",
            {"csrfmiddlewaretoken": token, "login": login, "password": password},
        )


def give_owner_a_password(house: House) -> str:
    """Let the owner sign in with `PASSWORD`; return the address."""
    address = "owner@example.com"
    house.manage(
        "shell", "-v0", "-c",
        "from orgs.models import User; "
        f"user = User.objects.get(email={address!r}); user.set_password({PASSWORD!r}); "
        "user.save()",
    )  # fmt: skip
    return address
