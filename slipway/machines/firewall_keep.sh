#!/bin/sh
# Kept by Slipway. Loads the rules of $1 again as soon as somebody changes what is loaded of them,
# also with all others (`nft flush ruleset`).
PATH=$PATH:/usr/sbin:/sbin
echo $$ >/run/slipway-firewall.pid
loaded() { nft --stateless list table inet slipway 2>/dev/null; }
load() { nft --file "$1" && rules=$(loaded); }
rules=$(loaded) || load "$1"
timeout 1 nft monitor >/dev/null 2>&1
[ $? = 124 ] || exit 1 # what cannot be watched is not kept
while :; do
    [ "$(loaded)" = "$rules" ] || load "$1"
    nft monitor | grep --line-buffered ' inet slipway' | while read -r _; do
        [ "$(loaded)" = "$rules" ] || load "$1"
    done
    sleep 1
done
