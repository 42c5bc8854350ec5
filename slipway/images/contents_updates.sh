# shellcheck shell=sh
# Runs inside an image, as root: which of its packages the distribution mends, a line for each with
# what is installed, what would be, and where that comes from.
command -v apt-get >/dev/null || { echo "its packages are not Debian's or Ubuntu's" >&2; exit 3; }
apt-get -qq -o APT::Update::Error-Mode=any update >/dev/null
apt-cache policy | grep -qi security || { echo "its sources name no security updates" >&2; exit 4; }
apt-get -s -qq dist-upgrade |
  sed -n 's/^Inst \([^ ]*\) \[\([^]]*\)\] (\([^ ]*\) \(.*\))\( .*\)*$/\1 \2 \3 \4/p' |
  grep -i security || true
