# shellcheck shell=sh
# The timer comes on stdin. Prints what it did, nothing when all was so.
timer=/etc/slipway/job-timer unit=/etc/systemd/system/slipway-jobs.service
new=$(mktemp)
trap 'rm -f "$new" "$new.unit"' EXIT
cat >"$new"
put() { # a file, where it goes, its mode; whether it was another
    ! cmp -s "$1" "$2" || return 1
    { chmod "$3" "$1" && cp -p "$1" "$2.draft" && mv -f "$2.draft" "$2"; } || exit 1
}
mkdir -p /etc/slipway
is_new=no
! put "$new" "$timer" 755 || is_new=yes
if [ -d /run/systemd/system ]; then
    cat >"$new.unit" <<UNIT
[Unit]
Description=Jobs of a Swarm at their times
After=docker.service
[Service]
ExecStart=/bin/sh $timer keep
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
UNIT
    ! put "$new.unit" "$unit" 644 || { systemctl daemon-reload; is_new=yes; }
    systemctl is-enabled --quiet slipway-jobs.service || systemctl enable --quiet slipway-jobs.service
    [ "$is_new" = no ] || systemctl restart slipway-jobs.service
    systemctl is-active --quiet slipway-jobs.service || { systemctl start slipway-jobs.service; is_new=yes; }
else
    pid=$(cat /run/slipway-jobs.pid 2>/dev/null || :)
    [ -n "$pid" ] && grep -qsa job-timer "/proc/$pid/cmdline" || pid=
    [ -n "$pid" ] || is_new=yes
    [ -z "$pid" ] || [ "$is_new" = no ] || kill -TERM "-$pid"
    if [ "$is_new" = yes ]; then setsid sh "$timer" keep </dev/null >/dev/null 2>&1 & fi
fi
[ "$is_new" = no ] || echo "starts jobs at their times from now on"
