# shellcheck shell=sh
# The timer comes on stdin, $1 is its unit. Prints what it did, nothing when all was so.
new=$(mktemp)
trap 'rm -f "$new"' EXIT
cat >"$new"
mkdir -p /etc/slipway
is_new=no
! put "$new" /etc/slipway/job-timer 755 || is_new=yes
keep_running slipway-jobs "$1" "$is_new" /etc/slipway/job-timer keep
[ "$is_new" = no ] || echo "starts jobs at their times from now on"
