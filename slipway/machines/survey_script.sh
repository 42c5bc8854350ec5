# shellcheck shell=sh
PATH=$PATH:/usr/sbin:/sbin
echo "clock=$(date +%s.%N)"
echo "free_mb=$(df -Pm /var | awk 'NR == 2 { print $4 }')"
echo "addresses=$(ip -o addr show scope global | awk '{ sub("/.*", "", $4); print $4 }' | xargs)"
echo "source=$(ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')"
if sockets=$(ss -Hltnp 2>/dev/null); then
  echo sockets=seen
  printf '%s\n' "$sockets" | awk 'NF { print "listens=" $4 " " $6 }'
fi
