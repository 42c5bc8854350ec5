# shellcheck shell=sh
unit=/etc/systemd/system/slipway-jobs.service
if [ -f $unit ]; then
    systemctl disable --quiet --now slipway-jobs.service
    rm -f $unit
fi
pid=$(cat /run/slipway-jobs.pid 2>/dev/null || :)
[ -z "$pid" ] || ! grep -qsa job-timer "/proc/$pid/cmdline" || kill -TERM "-$pid"
rm -f /run/slipway-jobs.pid /etc/slipway/job-timer
rmdir /etc/slipway 2>/dev/null || :
