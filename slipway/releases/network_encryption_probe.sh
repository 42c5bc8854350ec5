# shellcheck shell=sh
# Whether the kernel encrypts as the engine will ask it to: such a key for loopback, and away again.
PATH=$PATH:/usr/sbin:/sbin
key=0x0000000000000000000000000000000000000001
way='src 127.0.0.1 dst 127.0.0.1 proto esp spi 0x51195a'
# shellcheck disable=SC2086 # a word each
ip xfrm state add $way mode transport aead 'rfc4106(gcm(aes))' $key 64
# shellcheck disable=SC2086
ip xfrm state delete $way
