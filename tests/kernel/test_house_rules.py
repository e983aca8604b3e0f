"""The house rules' own lists are complete, and each import contract is wired."""

import re
from pathlib import Path

from django.apps import apps

from kernel.tenancy import TenantQuerySet

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_tenant_rule_names_every_tenant_model():
    rule = (ROOT / "dev/rules/tenant-scope.yml").read_text()
    (listed,) = re.findall(r"\(([\w|]+)\)\$", rule)
    tenants = {
        model.__name__
        for model in apps.get_models()
        if isinstance(model._default_manager.all(), TenantQuerySet)
    }
    assert set(listed.split("|")) == tenants


def test_every_rule_has_its_tests():
    rules = {path.stem for path in (ROOT / "dev/rules").glob("*.yml")}
    tested = {path.stem.removesuffix("-test") for path in (ROOT / "dev/rule-tests").glob("*.yml")}
    assert rules == tested
