"""The pages that a problem's `type` leads to. Public: they tell what a code means, no more."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from kernel.api import catalogue


def errors_index(request: HttpRequest) -> HttpResponse:
    """List every code."""
    return render(request, "docs/errors.html", {"errors": catalogue.errors()})


def error_page(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one code."""
    found = next((entry for entry in catalogue.errors() if entry.code == code), None)
    if found is None:
        raise Http404
    return render(request, "docs/error.html", {"error": found})
