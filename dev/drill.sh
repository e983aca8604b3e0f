#!/usr/bin/env bash
# The drills of tests/operations at the size of an organization, and the figures they report.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
. dev/services.sh
ensure_postgresql || { echo "The drill needs PostgreSQL."; exit 1; }
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT
status=0
STEWARD_DRILL_MEMBERS=${STEWARD_DRILL_MEMBERS:-3000} STEWARD_DRILL_EVENTS=${STEWARD_DRILL_EVENTS:-50000} \
  STEWARD_DRILL_REQUESTS=${STEWARD_DRILL_REQUESTS:-5000} \
  $python -m pytest -q tests/operations/test_backup.py tests/operations/test_upgrade.py -k under_load --junitxml="$figures" || status=$?
$python - "$figures" <<'PY'
import sys
import xml.etree.ElementTree as tree

for fact in tree.parse(sys.argv[1]).iter("property"):
    print(f"{fact.get('name')}: {fact.get('value')}")
PY
exit $status
