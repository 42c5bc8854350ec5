#!/bin/sh
# Kept by Slipway. Loads the rules of $1, and again as soon as somebody deletes of them, also with
# all others (`nft flush ruleset`).
PATH=$PATH:/usr/sbin:/sbin
echo $$ >/run/slipway-firewall.pid
loaded() { nft --stateless list table inet slipway 2>/dev/null; }
while :; do
    nft --file "$1"
    rules=$(loaded)
    nft monitor destroy | while read -r _; do
        [ "$(loaded)" != "$rules" ] || continue
        nft --file "$1"
        rules=$(loaded)
    done
    sleep 1
done
