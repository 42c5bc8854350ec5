# shellcheck shell=sh
# $1 is where the rules lie, they come on stdin; $2 is what keeps them loaded, $3 its unit. Prints
# what it did, nothing when all was so.
command -v nft >/dev/null || [ -x /usr/sbin/nft ] || {
    export DEBIAN_FRONTEND=noninteractive
    get() { apt-get -qq install -y --no-install-recommends nftables >/dev/null; }
    get 2>/dev/null || { apt-get -qq update >/dev/null; get; } # the lists are new, often
    echo "installed nftables"
}
new=$(mktemp)
trap 'rm -f "$new" "$new.keeper"' EXIT
cat > "$new"
nft --check --file "$new"
mkdir -p /etc/slipway
if put "$new" "$1" 644; then
    nft --file "$1"
    echo "wrote $1"
elif [ "$(loaded "$1")" != same ]; then
    nft --file "$1"
    echo "loaded $1"
fi
printf '%s\n' "$2" > "$new.keeper"
is_new=no
! put "$new.keeper" /etc/slipway/firewall-keep 755 || is_new=yes
keep_running slipway-firewall "$3" "$is_new" /etc/slipway/firewall-keep "$1"
[ "$is_new" = no ] || echo "keeps it loaded from now on"
