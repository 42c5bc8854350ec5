# shellcheck shell=sh
PATH=$PATH:/usr/sbin:/sbin
[ ! -f /etc/systemd/system/slipway-firewall.service ] || {
    systemctl disable --quiet slipway-firewall.service
    rm -f /etc/systemd/system/slipway-firewall.service
}
nft delete table inet slipway 2>/dev/null || :
rm -f "$1"
rmdir /etc/slipway 2>/dev/null || :
