"""Keep secrets out of logs, audit rows and tracebacks.

Two nets: members whose name says that they hold a secret are dropped, and in every
other text whatever has the shape of a secret is masked. What is public about a secret
(the id inside a key) stays, so that a log line can still be followed up.
"""

import datetime as dt
import decimal
import re
import uuid
from collections.abc import Mapping
from enum import Enum
from typing import Any

REDACTED = "[redacted]"
_MAX_DEPTH = 8

_SECRET_NAMES = frozenset(
    {
        "api_key", "apikey", "assertion", "authorization", "backup_code", "card",
        "card_number", "client_assertion", "client_secret", "code", "code_verifier",
        "cookie", "credentials", "csrfmiddlewaretoken", "csrftoken", "cvc", "id_token",
        "key_secret", "legacy_key", "new_password1", "new_password2", "otp",
        "passphrase", "password", "password1", "password2", "passwd", "pepper", "plaintext",
        "private_key", "proxy_authorization", "recovery_code", "recovery_codes",
        "saml_response", "secret", "secrets", "secret_key", "session_key", "sessionid",
        "set_cookie", "signature", "state_token", "token", "tokens", "totp_secret", "x_api_key",
        "x_csrftoken",
    }
)  # fmt: skip
_SECRET_ENDINGS = (
    "_api_key", "_assertion", "_authorization", "_cookie", "_passphrase", "_password",
    "_private_key", "_secret", "_secret_key", "_token",
)  # fmt: skip
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Every alternative begins with a literal or behind a look-behind, so that no text makes
# the search quadratic. Longer shapes stand before those that they contain.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\s\S]{0,8000}?(?:-----END|\Z)",
        ),
        REDACTED,
    ),
    (re.compile(r"(stw_[A-Za-z0-9]{10})_[A-Za-z0-9]{43,}"), rf"\1_{REDACTED}"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)*"), REDACTED),
    (re.compile(r"(://)[^/\s:@]*:[^/\s@]+@"), rf"\1{REDACTED}@"),
    (re.compile(r"(?i)\b(basic|bearer|dpop)([ :]+)[A-Za-z0-9+/=._~-]{6,}"), rf"\1\2{REDACTED}"),
    (
        re.compile(
            r"(?i)([?&;#](?:access_token|api_key|assertion|client_secret|code|id_token|key"
            r"|password|refresh_token|secret|state|ticket|token)=)[^&;#\s\"'<>]+"
        ),
        rf"\1{REDACTED}",
    ),
    # Links of mails, also those that a mail program or a hand has mangled.
    (
        re.compile(r"(/(?:join|confirm-email|password/reset/key)/)[^/\s?#\"'<>]{8,}"),
        rf"\1{REDACTED}",
    ),
    # A 40-digit key of the old form looks like a git commit; a word before it tells them apart.
    (
        re.compile(r"(?i)((?:key|token|secret|password)[^A-Za-z0-9]{1,6})[0-9a-f]{40}(?![0-9a-z])"),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"\b((?:sk|rk)_(?:live|test)_|whsec_)[A-Za-z0-9+/=]{10,}"), rf"\1{REDACTED}"),
    # Signed values of Django (confirmation links), then its password-reset tokens.
    (re.compile(r"(?<![\w-])[\w-]{1,200}:[A-Za-z0-9]{6}:[\w-]{43}(?![\w-])"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9])[a-z0-9]{6,7}-[0-9a-f]{32}(?![A-Za-z0-9])"), REDACTED),
    # Our link tokens: 256 bits in base62, alone or with a checksum.
    (re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{43}(?:[A-Za-z0-9]{6})?(?![A-Za-z0-9])"), REDACTED),
)
_PLAIN_TYPES = (
    bool, int, float, decimal.Decimal, dt.date, dt.time, dt.timedelta, uuid.UUID, type(None),
)  # fmt: skip


def redact(value: Any, *, depth: int = _MAX_DEPTH) -> Any:
    """Return a copy of a value without its secrets.

    Mappings, lists, tuples and sets are walked to a bounded depth; numbers, times and
    ids pass; every other object becomes its text.
    """
    if isinstance(value, _PLAIN_TYPES):
        return value
    if isinstance(value, str):
        return mask(value.value if isinstance(value, Enum) else value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if depth <= 0:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {
            key: _hidden(inner) if names_a_secret(str(key)) else redact(inner, depth=depth - 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner, depth=depth - 1) for inner in value]
    return mask(str(value))


def mask(text: str) -> str:
    """Return a text in which everything of the shape of a secret is replaced."""
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


def names_a_secret(name: str) -> bool:
    """Whether a member of this name holds a secret, in whatever case it is written."""
    plain = _CAMEL.sub("_", name).lower().replace("-", "_").replace(" ", "_")
    plain = plain.removeprefix("http_")
    return plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


def _hidden(value: Any) -> Any:
    """Hide a value but not that it is absent, or merely a yes or no."""
    return value if value is None or isinstance(value, bool) or value == "" else REDACTED
