# shellcheck shell=sh
# Runs inside an image, as root and without a network: which packages it holds, a line for each.
if [ -r /etc/os-release ]; then
  # shellcheck source=/dev/null
  . /etc/os-release
  echo "os ${ID:-unknown} ${VERSION_ID:-unknown}"
fi
if command -v dpkg-query >/dev/null; then
  # shellcheck disable=SC2016 # dpkg's own variables
  dpkg-query -W -f 'deb ${Package} ${Version} ${Architecture}\n'
elif command -v apk >/dev/null; then
  apk list -I 2>/dev/null | sed -n 's/^\(.*\)-\([^-]*-r[0-9]*\) \([^ ]*\) .*/apk \1 \2 \3/p'
fi
for python in python3 python; do
  command -v "$python" >/dev/null || continue
  "$python" -c 'import importlib.metadata as known
for each in known.distributions():
    print("pypi", each.metadata["Name"], each.version)'
  break
done
