# shellcheck shell=bash
# pgBackRest tries for minutes where nobody answers; a person is told after seconds.
store=$(sed -n 's/^repo1-s3-endpoint=//p' "$PGBACKREST_CONFIG")
port=${store##*:}
[ "$port" != "$store" ] || port=443
if ! timeout 5 bash -c ': <"/dev/tcp/$0/$1"' "${store%%:*}" "$port" 2>/dev/null; then
  echo "ERROR: [049]: no answer from $store"
  exit 49
fi
exec pgbackrest --log-level-console=error --io-timeout=10 "$@"
