# shellcheck shell=sh
# Each argument is a command line. Runs all of them at once; then prints, after the number of each and
# a space, `out` or `err` with a line of what it printed there, and `end` with its code.
folder=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$folder"' EXIT
number=0
for line; do
  {
    sh -c "$line" >"$folder/$number.out" 2>"$folder/$number.err" </dev/null && code=0 || code=$?
    echo "$code" >"$folder/$number.end"
  } &
  number=$((number + 1))
done
wait
number=0
for line; do
  for kind in out err end; do
    sed "s/^/$number $kind /" "$folder/$number.$kind"
    echo # where the last line was not ended
  done
  number=$((number + 1))
done
