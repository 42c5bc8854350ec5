# Completes `inv` and `./inv` of every Slipway project in bash; printed by `inv completion`.

_inv_root() { # the project that the command $1 belongs to, into $root
    local file=$1 folder=$PWD target
    # shellcheck disable=SC2088  # bash hands it over as it was typed
    case $file in '~/'*) file=$HOME/${file#'~/'} ;; esac
    if [ -L "$file" ]; then
        target=$(readlink "$file")
        case $target in /*) file=$target ;; *) file=${file%/*}/$target ;; esac
    fi
    case $file in */*) folder=$(CDPATH='' cd -- "${file%/*}" 2>/dev/null && pwd -P) || return 1 ;; esac
    while [ ! -e "$folder/slipway/completion/answer.py" ] && [ ! -e "$folder/kit.yml" ]; do
        [ -n "$folder" ] || return 1
        folder=${folder%/*}
    done
    root=$folder
}

_inv() {
    local root line word candidate before
    local -a words
    COMPREPLY=()
    _inv_root "$1" || return 0
    # Bash has split the line at = too, so it is split here once more, at spaces only.
    line=${COMP_LINE:0:COMP_POINT}
    read -ra words <<<"$line"
    case $line in *[[:space:]]) words+=("") ;; esac
    word=${words[${#words[@]} - 1]}
    # What stands before the last = is not replaced, where = parts words.
    case $COMP_WORDBREAKS in *=*) before=${word%"${word##*=}"} ;; *) before='' ;; esac
    while IFS=$'\t' read -r candidate _; do
        if [ "$candidate" = :files ]; then
            compopt -o default 2>/dev/null
        else
            COMPREPLY+=("${candidate#"$before"}")
        fi
        case $candidate in *=) compopt -o nospace 2>/dev/null ;; esac
    done < <("$root/.venv/bin/python" -I -S -c \
        'import sys; root = sys.argv[1]; v = sys.version_info; sys.path[:0] = [root, f"{root}/.venv/lib/python{v[0]}.{v[1]}/site-packages"]; from slipway.completion import answer; answer.main(root, sys.argv[2:])' \
        "$root" "${words[@]:1}" 2>/dev/null)
}

complete -F _inv inv
