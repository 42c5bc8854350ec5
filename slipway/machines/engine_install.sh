# shellcheck shell=sh
# $1 is the oldest engine that will do; then the packages. Where the system's own is older, its
# packages come from trixie: mirror and keyring are the machine's own, the pin keeps the rest of
# trixie out, and naming the suite package by package leaves libc and its kin as they are
# (`-t trixie` would take them along, and with base-files the machine's very name).
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
# shellcheck disable=SC2086 # a word each
apt install -y --no-install-recommends --no-remove $named
dpkg-query -W -f '${Package} ${Version}, ' "$@" | sed 's/, $//'
echo
