#!/usr/bin/env bash
# Every failure and every cell of the matrix, in the long form; the table comes at the end.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
. dev/services.sh

ensure_postgresql; ensure_redis; ensure_rabbitmq
for needed in STEWARD_TEST_DATABASE_URL STEWARD_TEST_REDIS_URL STEWARD_TEST_AMQP_URL; do
  [ -n "${!needed:-}" ] || { echo "The chaos tests need $needed: PostgreSQL, Redis and RabbitMQ."; exit 1; }
done
started=$(date +%s)
STEWARD_CHAOS=whole $python -m pytest -q tests/chaos "$@"; status=$?
echo "$(( ($(date +%s) - started) / 60 )) minutes"
exit $status
