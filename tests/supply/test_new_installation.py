"""What an installation is before anybody has touched it."""

import os
import stat
import subprocess
import sys

import pytest

from config.secrets_file import load_or_create
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


def test_the_data_of_an_embedded_installation_is_its_owners_alone(tmp_path):
    before = os.umask(0o022)
    try:
        found = load_or_create(tmp_path / "var" / "secrets.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "var" / "secrets.json").stat().st_mode) == 0o600
    assert all(len(value) >= 32 for value in (found["secret_key"], *found["key_peppers"]))
