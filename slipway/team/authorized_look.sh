# shellcheck shell=sh
# Print every key that opens an account of this machine: the account, a tab, the line.
getent passwd | while IFS=: read -r user _ _ _ _ home shell; do
    case $shell in */nologin | */false | */sync) continue ;; esac
    file=$home/.ssh/authorized_keys
    [ -f "$file" ] || continue
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in '' | '#'*) continue ;; esac
        printf '%s\t%s\n' "$user" "$line"
    done <"$file"
done
