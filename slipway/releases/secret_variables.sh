# shellcheck shell=sh
# $1… are NAME=FILE, then --, then a program. Becomes the program, with each file's content as a
# variable; a file that is not there sets none. Nothing but the shell itself is needed.
while [ "$1" != -- ]; do
  name=${1%%=*} file=${1#*=} value='' gap=''
  shift
  [ -e "$file" ] || continue
  while IFS= read -r line || [ -n "$line" ]; do
    value=$value$gap$line
    gap='
'
  done <"$file"
  export "$name=$value"
done
shift
unset name file value gap line
exec "$@"
