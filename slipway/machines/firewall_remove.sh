# shellcheck shell=sh
rm -f "$1"
stop_keeping slipway-firewall /etc/slipway/firewall-keep
nft delete table inet slipway 2>/dev/null || :
