# Sourced by dev/test.sh: find or start PostgreSQL, Redis and Chromium for the tests.
# Sets STEWARD_TEST_DATABASE_URL and STEWARD_TEST_REDIS_URL; installs from Debian's packages
# when run as root there. Whatever cannot be had is left out, and said.

state="${STEWARD_DATA_DIR:-$PWD/var}/services"

may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install_package() {
  may_install || return 1
  echo "Installing $* …"
  [ -n "${apt_updated:-}" ] || apt-get update -qq >/dev/null 2>&1
  apt_updated=1
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}

as_postgres() {
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

find_pg_bin() { find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1; }

answers_postgresql() {
  "$python" - "$1" <<'PY' 2>/dev/null
import sys, psycopg
psycopg.connect(sys.argv[1], connect_timeout=3, dbname="postgres").close()
PY
}

ensure_postgresql() {
  if [ -n "${STEWARD_TEST_DATABASE_URL:-}" ]; then return 0; fi
  local url=postgresql://postgres@127.0.0.1:5432/steward
  if answers_postgresql "$url"; then export STEWARD_TEST_DATABASE_URL=$url; return 0; fi
  [ -n "$(find_pg_bin)" ] || install_package postgresql
  local bin; bin=$(find_pg_bin); [ -n "$bin" ] || bin=$(dirname "$(command -v initdb 2>/dev/null)" 2>/dev/null)
  [ -x "$bin/initdb" ] || return 1
  local data="$state/postgresql" port=54329
  mkdir -p "$data"
  if [ "$(id -u)" = 0 ]; then
    # The server refuses to run as root, and its user must be able to walk to its data.
    data=/var/lib/postgresql/steward-test; mkdir -p "$data"; chown postgres "$data"
  fi
  [ -f "$data/PG_VERSION" ] || as_postgres "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 >/dev/null || return 1
  as_postgres "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1 || as_postgres "$bin/pg_ctl" -w -D "$data" -l "$data/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp -c fsync=off" start >/dev/null || return 1
  url=postgresql://postgres@127.0.0.1:$port/steward
  answers_postgresql "$url" && export STEWARD_TEST_DATABASE_URL=$url
}

answers_redis() {
  "$python" - "$1" <<'PY' 2>/dev/null
import sys, redis
redis.Redis.from_url(sys.argv[1], socket_timeout=2, socket_connect_timeout=2).ping()
PY
}

ensure_redis() {
  if [ -n "${STEWARD_TEST_REDIS_URL:-}" ]; then return 0; fi
  local url=redis://127.0.0.1:6379/9
  # The tests start Redis servers of their own as well, so the program must be there.
  command -v redis-server >/dev/null || install_package redis-server
  if ! answers_redis "$url"; then
    command -v redis-server >/dev/null || return 1
    mkdir -p "$state"
    redis-server --daemonize yes --bind 127.0.0.1 --port 63799 --save "" --appendonly no --dir "$state" >/dev/null
    url=redis://127.0.0.1:63799/9
    for _ in 1 2 3 4 5 6 7 8 9 10; do answers_redis "$url" && break; sleep 0.2; done
  fi
  answers_redis "$url" && export STEWARD_TEST_REDIS_URL=$url
}

answers_rabbitmq() {
  "$python" - "$1" <<'PY' 2>/dev/null
import sys, kombu
with kombu.Connection(sys.argv[1], connect_timeout=3) as broker: broker.connect()
PY
}

ensure_rabbitmq() {
  if [ -n "${STEWARD_TEST_AMQP_URL:-}" ]; then return 0; fi
  local url=amqp://guest:guest@127.0.0.1:5672//
  if ! answers_rabbitmq "$url"; then
    [ -x /usr/sbin/rabbitmq-server ] || install_package rabbitmq-server
    [ -x /usr/sbin/rabbitmq-server ] || return 1
    /usr/sbin/rabbitmq-server -detached >/dev/null 2>&1
    for _ in $(seq 40); do answers_rabbitmq "$url" && break; sleep 0.5; done
  fi
  answers_rabbitmq "$url" && export STEWARD_TEST_AMQP_URL=$url
}

ensure_chromium() {
  for name in chromium chromium-browser google-chrome; do
    if command -v $name >/dev/null; then STEWARD_CHROMIUM=$(command -v $name); export STEWARD_CHROMIUM; return 0; fi
  done
  if [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]; then
    export STEWARD_CHROMIUM="/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; return 0
  fi
  install_package chromium && ensure_chromium
}
