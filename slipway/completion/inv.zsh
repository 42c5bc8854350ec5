#compdef inv
# Completes `inv` and `./inv` of every Slipway project in zsh; printed by `inv completion`.

_inv_root() { # the project that the command $1 belongs to, into $root
    local file=${1/#\~\//$HOME/} folder=$PWD
    [[ $file != */* ]] || folder=${file:A:h}
    while [[ ! -e $folder/slipway/completion/answer.py && ! -e $folder/kit.yml ]]; do
        [[ -n $folder ]] || return 1
        folder=${folder%/*}
    done
    root=$folder
}

_inv() {
    local root candidate text before
    local -a given values shown flags flags_shown
    _inv_root "$words[1]" || return 1
    given=("${(@Q)words[2,CURRENT-1]}" "$PREFIX")
    before=
    [[ $PREFIX != *=* ]] || before="${PREFIX%%=*}="
    compset -P '*='
    while IFS=$'\t' read -r candidate text; do
        if [[ $candidate == :files ]]; then
            _files
            return
        fi
        candidate=${candidate#$before}
        if [[ $candidate == *= ]]; then
            flags+=("$candidate")
            flags_shown+=("$candidate${text:+ -- $text}")
        else
            values+=("$candidate")
            shown+=("$candidate${text:+ -- $text}")
        fi
    done < <("$root/.venv/bin/python" -I -S -c \
        'import sys; root = sys.argv[1]; v = sys.version_info; sys.path[:0] = [root, f"{root}/.venv/lib/python{v[0]}.{v[1]}/site-packages"]; from slipway.completion import answer; answer.main(root, sys.argv[2:])' \
        "$root" "${given[@]}" 2>/dev/null)
    local found=1
    (( ! $#values )) || { compadd -l -d shown -a values && found=0; }
    (( ! $#flags )) || { compadd -l -S '' -d flags_shown -a flags && found=0; }
    return $found
}

# Loaded as a function from $fpath, or read by `source`.
if [[ ${funcstack[1]-} == _inv ]]; then _inv "$@"; else compdef _inv inv; fi
