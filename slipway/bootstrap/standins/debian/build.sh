# shellcheck shell=sh
# Makes a small Debian image without a registry: debootstrap, cut down, imported.
# Run as root:  sh build.sh TAG SUITE MIRROR CERTIFICATES LABEL...
# CERTIFICATES is this computer's bundle of certificate authorities, so that pip and others
# reach the same servers from inside a build as from outside; "" leaves it out.
set -eu
tag=$1 suite=$2 mirror=$3 certificates=$4
shift 4

# A run that was killed could not clean up; its folder is named by its process.
place=${TMPDIR:-/var/tmp}
for left in "$place"/slipway-debian.*; do
    owner=${left#"$place"/slipway-debian.}
    [ ! -e "$left" ] || kill -0 "${owner%%.*}" 2>/dev/null || rm -rf --one-file-system -- "$left"
done
root=$(mktemp -d "$place/slipway-debian.$$.XXXXXX")
trap 'rm -rf -- "$root"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
    tail -n 3 "$root.log" >&2
    rm -f -- "$root.log"
    exit 1
}
rm -f -- "$root.log"

# What the official slim image leaves out, now and in every later apt run.
cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<'CUT'
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/linda/*
path-exclude=/usr/share/groff/*
path-exclude=/usr/share/locale/*
CUT
printf 'force-unsafe-io\n' >"$root/etc/dpkg/dpkg.cfg.d/docker-speed" # an image layer needs no fsync
cat >"$root/etc/apt/apt.conf.d/docker" <<'CUT'
APT::Install-Recommends "false";
APT::AutoRemove::SuggestsImportant "false";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CUT
find "$root/usr/share/doc" -mindepth 2 ! -name copyright ! -type d -delete
find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
rm -rf -- "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/* \
    "$root"/usr/share/lintian "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* \
    "$root"/var/cache/debconf/*-old "$root"/var/log/*.log "$root"/var/log/apt/* \
    "$root"/etc/machine-id "$root"/etc/hostname "$root"/etc/resolv.conf "$root"/tmp/*
: >"$root/etc/machine-id"
mkdir -p "$root/var/cache/apt/archives/partial" "$root/var/lib/apt/lists/partial"

# Package services must not start inside a container.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

if [ -n "$certificates" ]; then
    mkdir -p "$root/etc/ssl/certs" "$root/usr/local/share/ca-certificates"
    cp -L -- "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
    # Those this computer added itself outlive an `apt-get install ca-certificates` in the image.
    cp -LR -- /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || :
fi

versions="debian $(cat "$root/etc/debian_version") ($suite)"
for label in "$@"; do
    set -- "$@" --change "LABEL $label"
    shift
done
tar -C "$root" --numeric-owner --one-file-system -c . |
    docker import "$@" --change "LABEL slipway.standin.sources=\"$versions\"" \
        --change 'CMD ["bash"]' - "$tag" >/dev/null
