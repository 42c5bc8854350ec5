# shellcheck shell=sh
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
    # shellcheck disable=SC2086 # words, or none
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
