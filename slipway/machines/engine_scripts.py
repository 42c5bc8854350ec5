"""The POSIX scripts that learn about, install, configure, start and stop a Docker Engine."""

ENGINE = {
    "debian": ("docker.io", "docker-cli", "ca-certificates"),
    "ubuntu": ("docker.io", "ca-certificates"),
}
PLUGINS = {
    "debian": ("docker-compose", "docker-buildx"),
    "ubuntu": ("docker-compose-v2", "docker-buildx"),
}

FACTS = r"""
say() { printf '%s=%s\n' "$1" "$2"; }
first() { "$@" 2>/dev/null | head -n 1 || :; }
PATH=$PATH:/usr/sbin:/sbin
say uid "$(id -u)"
say user "$(id -un)"
sudo=no
[ "$(id -u)" = 0 ] || ! sudo -n true 2>/dev/null || sudo=yes
say sudo "$sudo"
root=
[ "$sudo" = no ] || root='sudo -n'
( ID='' VERSION_ID='' VERSION_CODENAME='' PRETTY_NAME=''
  [ ! -r /etc/os-release ] || . /etc/os-release
  command -v apt-get >/dev/null || ID=
  say system "$ID"; say version "$VERSION_ID"; say codename "$VERSION_CODENAME"
  say pretty "${PRETTY_NAME:-$(uname -sr)}" )
init=none
[ ! -d /run/systemd/system ] || init=systemd
[ "$(uname -s)" = Linux ] || init=desktop
say init "$init"
cli=$(command -v docker || :)
engine='' direct=no denied=no compose='' buildx='' endpoint=${DOCKER_HOST:-}
if [ -n "$cli" ]; then
    server='{{.Server.Version}}'
    engine=$(first docker version --format "$server")
    [ -z "$engine" ] || direct=yes
    [ -n "$engine" ] || ! docker version 2>&1 | grep -q 'permission denied' || denied=yes
    [ -n "$engine$root" ] || endpoint=${endpoint:-$(first docker context show)}
    [ -n "$engine" ] || [ -z "$root" ] || engine=$(first $root docker version --format "$server")
    compose=$(first docker compose version --short)
    buildx=$(first docker buildx version)
    [ "$endpoint" != default ] || endpoint=
fi
case " $(id -Gn) " in *' docker '*) direct=yes ;; esac
say direct "$direct"
say denied "$denied"
say endpoint "$endpoint"
say cli "$cli"
say daemon "$(command -v dockerd || :)"
say engine "$engine"
say compose "$compose"
say buildx "$buildx"
say free "$(df -Pk /var 2>/dev/null | awk 'NR == 2 { print $4 }')"
echo --
$root cat /etc/docker/daemon.json 2>/dev/null || :
"""

# $1 is the oldest engine that will do; then the packages. Where the system's own is older, its
# packages come from trixie: mirror and keyring are the machine's own, the pin keeps the rest of
# trixie out, and naming the suite package by package leaves libc and its kin as they are
# (`-t trixie` would take them along, and with base-files the machine's very name).
INSTALL = r"""
oldest=$1
shift
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
apt() { apt-get -q -o DPkg::Lock::Timeout=300 "$@" >&2; }
candidate() { apt-cache policy docker.io | sed -n 's/^ *Candidate: //p'; }
list='$(ORIGIN) $(RELEASE) $(REPO_URI)'
sources() { apt-get indextargets --format "$list" 'Created-By: Packages'; }
apt update
suite=
. /etc/os-release
if [ "$ID" = debian ] && dpkg --compare-versions "$(candidate)" lt "$oldest"; then
    suite=trixie
    pin=/etc/apt/preferences.d/slipway-$suite source=/etc/apt/sources.list.d/slipway-$suite.sources
    mirror=$(sources | sed -n 's/^Debian [a-z]* //p' | head -n 1)
    [ -n "$mirror" ] || { echo "apt has no Debian source to take the mirror from" >&2; exit 1; }
    if ! sources | grep -q "^Debian $suite "; then
        printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$suite" >"$pin"
        printf '%s: %s\n' Types deb URIs "$mirror" Suites "$suite" Components main \
            Signed-By /usr/share/keyrings/debian-archive-keyring.gpg >"$source"
        apt update
    fi
fi
named=
for package; do
    case $package in
        docker*) named="$named $package${suite:+/$suite}" ;;
        *) named="$named $package" ;;
    esac
done
[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || named="$named apparmor"
apt install -y --no-install-recommends --no-remove $named
dpkg-query -W -f '${Package} ${Version}, ' "$@" | sed 's/, $//'
echo
"""

# The new daemon.json comes on stdin; the engine, if there is one, judges it before it is in place.
CONFIGURE = r"""
mkdir -p /etc/docker
draft=$(mktemp /etc/docker/.daemon.json.XXXXXX)
trap 'rm -f -- "$draft"' EXIT
cat >"$draft"
chmod 644 "$draft"
PATH=$PATH:/usr/sbin
! command -v dockerd >/dev/null || dockerd --validate --config-file "$draft" >&2
mv -- "$draft" /etc/docker/daemon.json
"""

# $1 is the init system. Without one the engine gets a process group of its own and a log file.
START = r"""
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
"""

STOP = r"""
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
"""
