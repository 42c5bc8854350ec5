# shellcheck shell=sh
# Put keys into one account and take others out of all. $1 is the account; each line of stdin is a
# sign and what follows it: "+ type body comment" comes in, "- body" goes, whatever stands around it.
umask 077
changes=$(mktemp)
trap 'rm -f "$changes"' EXIT
cat >"$changes"
sed -n 's/^- //p' "$changes" >"$changes.out"
trap 'rm -f "$changes" "$changes.out"' EXIT

# In place by one move, with the owner and mode that it had.
replace() {
    cat "$2" >"$1.new" && chown --reference="$1" "$1.new" && chmod --reference="$1" "$1.new" && mv "$1.new" "$1"
}

if [ -s "$changes.out" ]; then
    getent passwd | while IFS=: read -r user _ _ _ _ home _; do
        file=$home/.ssh/authorized_keys
        [ -f "$file" ] || continue
        grep -qF -f "$changes.out" "$file" || continue
        grep -vF -f "$changes.out" "$file" >"$changes.left" || :
        if [ "$user" = "$1" ] && ! grep -q '^[^#]' "$changes.left" && ! grep -q '^+ ' "$changes"; then
            rm -f "$changes.left"
            echo "nobody could enter as $user any more" >&2
            exit 1
        fi
        replace "$file" "$changes.left"
        rm -f "$changes.left"
        echo "$user"
    done
fi

home=$(getent passwd "$1" | cut -d: -f6)
file=$home/.ssh/authorized_keys
sed -n 's/^+ //p' "$changes" | while read -r kind body rest; do
    if [ ! -f "$file" ]; then
        install -d -m 700 -o "$1" "$home/.ssh"
        install -m 600 -o "$1" /dev/null "$file"
    fi
    grep -qF -- "$body" "$file" && continue
    # An editor may have left the last line without its end.
    [ -z "$(tail -c 1 "$file")" ] || echo >>"$file"
    printf '%s %s %s\n' "$kind" "$body" "$rest" >>"$file"
    echo "$1"
done
