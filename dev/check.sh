#!/usr/bin/env bash
# Every gate that needs no test run. All run, even after one failed.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
status=0
gate() { local name=$1; shift; if out=$("$@" 2>&1); then echo "ok    $name"; else echo "FAIL  $name"; echo "$out" | tail -n 60; status=1; fi; }

gate "ruff (lint)" $bin/ruff check .
gate "mypy (types)" $bin/mypy
gate "import-linter (who may import whom)" $bin/lint-imports
gate "ast-grep (house rules)" $bin/ast-grep scan --error
gate "ast-grep (the rules' own tests)" $bin/ast-grep test --skip-snapshot-tests
gate "bandit (medium and high)" $bin/bandit -q -c pyproject.toml -ll -r config kernel orgs identity billing manage.py
gate "locks (hashed, installed, asked for)" $bin/python dev/lock.py check
gate "licences are listed" $bin/python dev/lock.py licences --check
gate "djlint (templates)" $bin/djlint --lint --quiet templates
gate "codespell" $bin/codespell
gate "file lengths" $bin/python dev/check_lengths.py
gate "manage.py check" $bin/python manage.py check --fail-level WARNING
gate "migrations are complete" $bin/python manage.py makemigrations --check --dry-run
gate "migrations are safe beside a running service" $bin/python dev/lint_migrations.py
gate "generated references are current" $bin/python manage.py write_docs --check
production() {
  env DJANGO_SETTINGS_MODULE=config.settings.production \
    SECRET_KEY=check-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ \
    STEWARD_KEY_PEPPERS=check-only-pepper-0123456789-abcdefghijklmnop \
    STEWARD_CHECKPOINT_KEYS=c2lnbmluZy1rZXktb2YtdGhlLXRlc3RzLW5vdC1tb3I= \
    STEWARD_ENCRYPTION_KEYS=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= \
    STEWARD_BASE_URL=https://steward.example ALLOWED_HOSTS=steward.example \
    DATABASE_URL=postgresql://steward@localhost/steward REDIS_URL=redis://localhost:6379/0 \
    $bin/python manage.py check --deploy --fail-level WARNING
}
gate "manage.py check --deploy (production settings)" production
exit $status
