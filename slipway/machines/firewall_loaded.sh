# shellcheck shell=sh
PATH=$PATH:/usr/sbin:/sbin
# Whether the rules of the file $1 are loaded: same, other, none. They are loaded once more where
# nobody else is: as the kernel lists them there, it has to list them here.
loaded() {
    list='nft --stateless list table inet slipway'
    if ! actual=$($list 2>/dev/null); then
        echo none
    elif [ "$actual" = "$(unshare --net sh -euc "nft --file \"\$1\"; $list" sh "$1")" ]; then
        echo same
    else
        echo other
    fi
}
