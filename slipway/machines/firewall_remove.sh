# shellcheck shell=sh
unit=/etc/systemd/system/slipway-firewall.service
if [ -f $unit ]; then
    systemctl disable --quiet --now slipway-firewall.service
    rm -f $unit
fi
pid=$(keeper)
[ -z "$pid" ] || kill -TERM "-$pid"
rm -f /run/slipway-firewall.pid
nft delete table inet slipway 2>/dev/null || :
rm -f "$1" "${1%/*}/firewall-keep"
rmdir /etc/slipway 2>/dev/null || :
