#!/usr/bin/env bash
# Run the test suite on whatever servers can be had, and say which groups ran on what.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
. dev/services.sh

ensure_postgresql; ensure_redis; ensure_rabbitmq; ensure_chromium
echo "PostgreSQL: ${STEWARD_TEST_DATABASE_URL:-not available, SQLite is used instead}"
echo "Redis:      ${STEWARD_TEST_REDIS_URL:-not available, its tests do not run}"
echo "RabbitMQ:   ${STEWARD_TEST_AMQP_URL:-not available, its tests do not run}"
echo "Chromium:   ${STEWARD_CHROMIUM:-not available, the browser tests do not run}"

status=0
# A person may do without a server; a run that decides whether a change lands may not.
if [ -n "${CI:-}" ]; then
  for needed in STEWARD_TEST_DATABASE_URL STEWARD_TEST_REDIS_URL STEWARD_TEST_AMQP_URL STEWARD_CHROMIUM; do
    [ -n "${!needed:-}" ] || { echo "CI needs $needed: tests would be skipped."; exit 1; }
  done
fi
if [ $# -gt 0 ]; then
  $python -m pytest -n 3 --dist loadfile "$@"; exit $?
fi
$python -m coverage erase
if [ -n "${STEWARD_TEST_DATABASE_URL:-}" ]; then
  echo; echo "== Everything on PostgreSQL"
  STEWARD_TEST_DATABASE=postgresql $python -m pytest -q -n 3 --dist loadfile --ignore tests/chaos --ignore tests/walls \
    --cov --cov-report= || status=$?
  # Tens of thousands of requests: without the tracer of coverage they take half the time.
  echo; echo "== Tenants' walls and removals, on PostgreSQL"
  STEWARD_TEST_DATABASE=postgresql $python -m pytest -q -n 3 --dist loadfile tests/walls || status=$?
  echo; echo "== Domain, keys and kernel on SQLite"
  STEWARD_TEST_DATABASE=sqlite $python -m pytest -q -n 3 --dist loadfile --cov --cov-append --cov-report= \
    tests/kernel/api tests/kernel/crypto tests/kernel/events tests/kernel/jobs tests/kernel/mail tests/kernel/management \
    tests/kernel/test_invariants.py tests/kernel/test_pagination.py tests/kernel/test_prepared.py tests/kernel/test_tenancy.py \
    tests/operations/test_refusals.py tests/operations/test_request_id.py \
    tests/orgs/actions tests/identity/actions -m 'not e2e and not slow and not postgresql' || status=$?
else
  echo; echo "== Everything on SQLite"
  STEWARD_TEST_DATABASE=sqlite $python -m pytest -q -n 3 --dist loadfile --ignore tests/chaos --cov --cov-report= || status=$?
fi
# By itself: faults disturb the other tests, and those disturb the figures.
echo; echo "== Chaos, in its quick form (make chaos is the whole)"
$python -m pytest -q --durations=40 --durations-min=2 tests/chaos || status=$?
echo; echo "== Coverage of the domain code (branches), at least 95 %"
$python -m coverage report --fail-under=95 || status=$?
exit $status
