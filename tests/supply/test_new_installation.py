"""What an installation is before anybody has touched it."""

import os
import subprocess
import sys

import pytest

from orgs.models import Organization, User
from tests.hardening.conftest import ENVIRONMENT
from tests.supply.conftest import ROOT


@pytest.mark.django_db
def test_a_new_installation_has_no_account():
    assert not User.objects.exists()
    assert not Organization.objects.exists()


def test_production_has_no_debug_mode():
    ran = subprocess.run(
        [
            sys.executable, "-c",
            "import django; from django.conf import settings; django.setup();"
            "print(settings.DEBUG, 'debug' in str(settings.TEMPLATES).lower())",
        ],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={
            **os.environ, **ENVIRONMENT, "DJANGO_SETTINGS_MODULE": "config.settings.production",
            "DEBUG": "1", "DJANGO_DEBUG": "True",
        },
    )  # fmt: skip
    assert ran.stdout.split() == ["False", "False"]
