# shellcheck shell=sh
if [ "$1" = systemd ]; then
    systemctl stop docker.socket docker >&2 2>/dev/null || systemctl stop docker >&2
else
    pid=$(cat /var/run/docker.pid)
    kill -TERM "$pid"
    tries=0
    while grep -qa dockerd "/proc/$pid/cmdline" 2>/dev/null; do # a zombie has no command line
        tries=$((tries + 1))
        [ "$tries" -lt 240 ] || { echo "dockerd ($pid) did not stop" >&2; exit 1; }
        sleep 0.25
    done
fi
