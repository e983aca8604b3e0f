"""What reads the text of strangers answers with a value or with the domain's own refusal.

Whatever the text: no other exception, and nothing taken for valid that was not made by us.
"""

import ipaddress
import json
import uuid
from contextlib import suppress

import pytest
from django.test import RequestFactory, override_settings
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.request import Request

from identity import key_format
from identity.api.authentication import key_in
from identity.models import APIKey
from kernel import ids, pagination
from kernel.addresses import is_loopback, is_public, is_within, looks_numeric
from kernel.api import etag
from kernel.api.body import MAX_DEPTH, JSONBody
from kernel.errors import DomainError, Missing
from kernel.events.models import Event
from kernel.http import client_ip
from kernel.outbound import OutboundFailed, OutboundRefused, _parse, parse_json
from kernel.pagination import InvalidCursor, InvalidLimit, Order
from orgs.models import Membership, Organization, Team

plenty = settings(max_examples=100, deadline=None)

HEADER = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=120)
"""What a WSGI server hands over as a header: latin-1 without control characters."""

ANY_TEXT = st.text(max_size=120)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


def _get(**headers: str) -> Request:
    return Request(RequestFactory().get("/", headers=headers))


# --- keys -----------------------------------------------------------------------------------


@plenty
@given(ANY_TEXT)
@example("stw_" + "0" * 10 + "_" + "0" * 49)
@example("0" * 39 + "\u0660")
@example("0" * 40 + "\n")
def test_no_text_is_taken_for_a_key(text):
    assert not key_format.is_well_formed(text)


@plenty
@given(st.data(), st.booleans())
def test_a_key_with_one_character_changed_is_no_key(data, legacy):
    key = key_format.make(legacy=legacy).text
    assert key_format.is_well_formed(key)
    place = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.characters().filter(lambda letter: letter != key[place]))
    changed = key[:place] + other + key[place + 1 :]
    if legacy and other in "0123456789abcdef":
        return  # the old form has no checksum; it is one of 2^160 all the same
    assert not key_format.is_well_formed(changed)
    for longer in (f"{key} ", f" {key}", f"{key}\n", key + key):
        assert not key_format.is_well_formed(longer)


# --- who is it ------------------------------------------------------------------------------


@plenty
@given(HEADER, HEADER)
@example("Basic ====", "")
@example("Basic " + "A" * 4090, "")
@example("bearer", "")
def test_credentials_in_headers_give_a_text_or_a_refusal(authorization, api_key):
    request = RequestFactory().get(
        "/", headers={"Authorization": authorization, "X-API-Key": api_key}
    )
    try:
        found = key_in(request)
    except AuthenticationFailed:
        return
    assert found is None or isinstance(found, str)
    if authorization and api_key.strip():
        pytest.fail("two credentials were read as one")


@plenty
@given(st.lists(HEADER | st.ip_addresses().map(str), max_size=5), st.integers(0, 3))
@example(["[::1]:80"], 1)
@example(["1.2.3.4:80", ""], 2)
@example(["fe80::1%eth0"], 1)
def test_the_clients_address_is_an_address_or_unknown(entries, hops):
    request = RequestFactory().get("/", headers={"X-Forwarded-For": ", ".join(entries)})
    with override_settings(STEWARD_TRUSTED_PROXIES=hops):
        found = client_ip(request)
    if hops == 0:
        assert found == request.META["REMOTE_ADDR"]
    if found:
        ipaddress.ip_address(found)
        assert "%" not in found  # a database's address type knows no zone


@plenty
@given(st.lists(st.ip_addresses().map(str), min_size=1, max_size=3), st.ip_addresses().map(str))
def test_what_the_client_writes_before_the_proxies_hop_is_never_believed(invented, real):
    request = RequestFactory().get("/", headers={"X-Forwarded-For": ", ".join([*invented, real])})
    with override_settings(STEWARD_TRUSTED_PROXIES=1):
        assert client_ip(request) == str(ipaddress.ip_address(real))


@plenty
@given(ANY_TEXT)
def test_address_questions_answer_for_any_text(text):
    assert not (is_public(text) and is_loopback(text))
    looks_numeric(text)
    is_within(text, ["10.0.0.0/8", "2001:db8::/32"])


# --- versions and cursors -------------------------------------------------------------------


@plenty
@given(HEADER)
@example('"1-ab", "2-cd"')
@example('W/"3-ef"')
@example('"' + "9" * 400 + '"')
def test_if_match_names_one_version_or_one_that_never_was(text):
    found = etag.expected_version(_get(**{"If-Match": text}))
    if text.strip() in {"", "*"}:
        assert found is None
    else:
        assert found is not None
        assert 0 <= found < 10**9


@plenty
@given(HEADER)
def test_if_none_match_answers_200_or_304(text):
    answer = etag.respond(_get(**{"If-None-Match": text}), object(), dict)
    assert answer.status_code in {200, 304}


ORDERS = st.sampled_from(
    [
        ("-id", Team),
        ("-sequence", Event),
        ("-occurred_at", Event),
        ("user__username", Membership),
        ("-created_at", APIKey),
        ("name", Organization),
    ]
)
CURSORS = st.lists(
    st.sampled_from(["-id", "-sequence", "-occurred_at", "user__username", "n", "p"])
    | ANY_TEXT
    | st.integers().map(str)
    | st.datetimes().map(str)
    | st.uuids().map(lambda value: value.hex)
    | JSON,
    max_size=6,
)


def _cursor(parts: object) -> str:
    raw = json.dumps(parts).encode()
    return pagination.base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@plenty
@given(ORDERS, ANY_TEXT | CURSORS.map(_cursor))
def test_a_cursor_of_strangers_is_a_place_or_refused(order, text):
    name, model = order
    try:
        place = pagination._decode(text, Order.parse(name), model)
    except InvalidCursor:
        return
    assert place.order == name


@plenty
@given(ORDERS, ANY_TEXT | st.integers().map(str) | st.datetimes().map(str), ANY_TEXT | st.uuids())
def test_a_forged_cursor_of_the_right_form_is_a_place_or_refused(order, value, key):
    name, model = order
    key = key.hex if isinstance(key, uuid.UUID) else key
    try:
        place = pagination._decode(_cursor([name, value, key, "n"]), Order.parse(name), model)
    except InvalidCursor:
        return
    assert place.value is not None
    assert place.key is not None


@plenty
@given(ANY_TEXT | st.integers().map(str))
def test_a_limit_is_within_its_bounds_or_refused(text):
    try:
        assert 1 <= pagination.parse_limit(text) <= pagination.MAX_LIMIT
    except InvalidLimit:
        assert text not in map(str, range(1, pagination.MAX_LIMIT + 1))


@plenty
@given(ANY_TEXT | st.from_regex(r"org_[0-9a-f]{30,34}", fullmatch=True) | st.uuids().map(str))
def test_an_id_is_a_uuid_or_missing(text):
    with suppress(Missing):
        assert isinstance(ids.decode("org", text), uuid.UUID)


# --- bodies ---------------------------------------------------------------------------------


def _read(body: bytes) -> object:
    request = RequestFactory().post("/", body, content_type="application/json")
    return JSONBody().parse(None, "application/json", {"request": Request(request)})


def _depth(value: object) -> int:
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0)


@plenty
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"a":' * 5000 + b"1" + b"}" * 5000)
@example(b"9" * 5000)
@example(b"1e999999")
@example(b'{"a":1,"a":2}')
@example(b"\xff\xfe[\x00]\x00")
@example(b'"\\ud800"')
def test_a_body_is_parsed_as_strict_json_or_refused(body):
    try:
        found = _read(body)
    except ParseError:
        return
    assert _depth(found) <= MAX_DEPTH
    assert found == json.loads(body)


@plenty
@given(JSON)
def test_json_of_modest_depth_arrives_unchanged(value):
    assert parse_json(json.dumps(value).encode()) == json.loads(json.dumps(value))


@plenty
@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b'{"a":1,"a":2}')
@example(b"NaN")
@example(b"1e999999")
def test_the_other_sides_json_is_a_value_or_its_failure(body):
    with suppress(OutboundFailed):
        assert parse_json(body) not in (float("inf"), float("-inf"))


URLS = st.builds(
    lambda scheme, host, rest: f"{scheme}://{host}{rest}",
    st.sampled_from(["http", "https", "HTTPS", "ftp", "file", ""]),
    ANY_TEXT | st.ip_addresses().map(str) | st.from_regex(r"[\w.\-\[\]:@%]{1,40}", fullmatch=True),
    ANY_TEXT,
)


@plenty
@given(ANY_TEXT | URLS)
@example("https://[::1")
@example("https://a.b:99999/")
@example("https://xn--\u0660.example/")
@example("https://" + "a" * 70 + ".example/")
@example("https://a\u3002b/")
def test_an_address_to_call_is_understood_or_refused(url):
    try:
        target = _parse(url)
    except OutboundRefused:
        return
    assert target.scheme in {"http", "https"}
    assert target.host
    assert not target.userinfo


def test_every_refusal_above_is_the_domains_own():
    assert all(
        issubclass(refusal, DomainError)
        for refusal in (InvalidCursor, InvalidLimit, Missing, OutboundFailed, OutboundRefused)
    )
