"""The pages that a problem's `type` leads to. Public: they tell what a code means, no more."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from kernel.api import catalogue


def errors_index(request: HttpRequest) -> HttpResponse:
    """List every code."""
    return render(request, "docs/errors.html", {"errors": catalogue.errors()})


def error_page(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one code."""
    found = next((entry for entry in catalogue.errors() if entry.code == code), None)
    if found is None:
        raise Http404
    context = {"error": found, "meaning": _marked(found.meaning), "remedy": _marked(found.remedy)}
    return render(request, "docs/error.html", context)


def _marked(text: str) -> SafeString:
    """Show what stands in backticks as code."""
    parts = [
        format_html("<code>{}</code>", part) if number % 2 else part
        for number, part in enumerate(text.split("`"))
    ]
    return format_html_join("", "{}", ((part,) for part in parts))
