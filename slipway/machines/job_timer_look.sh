# shellcheck shell=sh
# $1 the sum of the timer, $2 that of its unit. Prints "runs" where it does, exactly as these are; who is
# not root and cannot see that prints nothing.
sum() { sha256sum "$1" 2>/dev/null | cut -d' ' -f1; }
[ "$(sum /etc/slipway/job-timer)" = "$1" ] || exit 0
if [ -d /run/systemd/system ]; then
  unit=slipway-jobs.service
  [ "$(sum "/etc/systemd/system/$unit")" = "$2" ] || exit 0
  systemctl is-enabled --quiet "$unit" && systemctl is-active --quiet "$unit" || exit 0
fi
[ -z "$(keeper slipway-jobs /etc/slipway/job-timer)" ] || echo runs
