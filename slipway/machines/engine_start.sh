# shellcheck shell=sh
# $1 is the init system. Without one the engine gets a process group of its own and a log file.
PATH=$PATH:/usr/sbin:/sbin
if [ "$1" = systemd ]; then
    systemctl enable --now docker >&2
else
    # Both remove their pid file when they end well; after a crash its number may be another's, or
    # a zombie's where process 1 does not reap. A zombie has no command line.
    alive() { grep -qa "$1" "/proc/$(cat "$2" 2>/dev/null || echo none)/cmdline" 2>/dev/null; }
    if ! alive dockerd /var/run/docker.pid; then
        child=/var/run/docker/containerd/containerd.pid
        alive containerd "$child" || rm -f "$child"
        rm -f /var/run/docker.pid
        setsid dockerd --pidfile /var/run/docker.pid </dev/null >>/var/log/dockerd.log 2>&1 &
    fi
fi
tries=0
until docker -H unix:///var/run/docker.sock version >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -ge 120 ]; then
        [ "$1" = systemd ] || tail -n 1 /var/log/dockerd.log >&2
        [ "$1" != systemd ] || echo "the engine did not start: journalctl -u docker" >&2
        exit 1
    fi
    sleep 0.25
done
