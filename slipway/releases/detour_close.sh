# shellcheck shell=sh
# As root: takes away the detours whose chains begin with $1; none is fine.
PATH=$PATH:/usr/sbin:/sbin
for program in iptables ip6tables; do
    command -v "$program" >/dev/null || continue
    chains=$("$program" -w -t nat -S 2>/dev/null | sed -n "s/^-N \\($1[-0-9a-f]*\\)\$/\\1/p")
    for chain in $chains; do
        for hook in PREROUTING OUTPUT; do
            while "$program" -w -t nat -D "$hook" -j "$chain" 2>/dev/null; do :; done
        done
        "$program" -w -t nat -F "$chain" 2>/dev/null || :
        "$program" -w -t nat -X "$chain" 2>/dev/null || :
    done
done
