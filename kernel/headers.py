"""What every answer tells the browser: the security headers of the service.

One constant set, put on pages, API answers, errors and files alike (OWASP ASVS 5.0 §3.4,
§3.6, §14.3.2). A view that needs another value of one of them sets it itself, and keeps
it. HSTS, `nosniff`, the referrer policy and COOP are Django's `SecurityMiddleware`.
"""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponseBase

SIGNED_OUT = "steward_signed_out"
"""The attribute by which a view says that this answer ends a session."""

_DIRECTIVES: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}

# Every feature that a page can switch off, by what Chromium, Firefox and Safari know; none
# is used. What a browser does not know it passes over, some with a remark in their console,
# so trials that have ended are not kept here.
FEATURES = (
    "accelerometer", "autoplay", "bluetooth", "browsing-topics", "camera",
    "captured-surface-control", "ch-ua-high-entropy-values", "clipboard-read", "compute-pressure",
    "cross-origin-isolated", "deferred-fetch", "deferred-fetch-minimal",
    "digital-credentials-create", "digital-credentials-get", "display-capture", "encrypted-media",
    "fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "identity-credentials-get",
    "idle-detection", "interest-cohort", "keyboard-map", "language-detector", "language-model",
    "local-fonts", "local-network", "local-network-access", "loopback-network", "magnetometer",
    "media-playback-while-not-visible", "microphone", "midi", "on-device-speech-recognition",
    "otp-credentials", "payment", "picture-in-picture", "private-state-token-issuance",
    "private-state-token-redemption", "publickey-credentials-create", "publickey-credentials-get",
    "screen-wake-lock", "serial", "speaker-selection", "storage-access", "summarizer", "sync-xhr",
    "translator", "unload", "usb", "web-share", "window-management", "xr-spatial-tracking",
)  # fmt: skip


def content_security_policy(**changes: str) -> str:
    """Return the policy; `style_src="…"` replaces a directive for one page."""
    directives = {
        **_DIRECTIVES,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


# The console copies keys and links at a click: writing to the clipboard stays allowed.
_ALWAYS: Mapping[str, str] = {
    "Content-Security-Policy": content_security_policy(),
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in FEATURES),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-Frame-Options": "DENY",
}


class SecurityHeadersMiddleware:
    """Puts the headers on every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        response = self.get_response(request)
        headers = response.headers
        for name, value in _ALWAYS.items():
            headers.setdefault(name, value)
        # Pages show people's data and some answers hold secrets: none of them stays on a
        # disk. WhiteNoise dates our files, and the API's reads are asked for again by ETag.
        headers.setdefault("Cache-Control", "no-store")
        if getattr(request, SIGNED_OUT, False):
            headers["Clear-Site-Data"] = '"cache", "storage"'
        return response
