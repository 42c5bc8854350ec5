# shellcheck shell=bash disable=SC2154,SC2261 # the cell sets __slipway_options and __slipway_out
# Each variable as bash declares it and as it is; each function. Told apart by NUL, which none has.
# `exit` is a function here so that a cell that ends with `exit 0` leaves its state all the same.
__slipway_save() {
  { set +euxvf; set +o posix; } 2>/dev/null
  trap - DEBUG ERR RETURN
  {
    builtin pwd; builtin printf '\0'; umask -p; builtin printf '\0'
    builtin printf '%s\0%s\0' "$__slipway_options" "${BASHOPTS-}"
    builtin printf 'variable\0IFS\0'; declare -p IFS; builtin printf '\0%s\n\0' "${IFS-}"
    local IFS=$'\n' __slipway_each __slipway_values
    for __slipway_each in $(compgen -v; declare -F); do
      case $__slipway_each in
        IFS | __slipway_*) ;;
        'declare -'*' __slipway_'* | 'declare -f exit') ;;
        'declare -'*)
          builtin printf 'function\0%s\0' "${__slipway_each##* }"
          declare -f -- "${__slipway_each##* }"; builtin printf '\0'
          case $__slipway_each in
            'declare -fx'*) builtin printf 'export -f %s\n' "${__slipway_each##* }" ;;
          esac
          builtin printf '\0' ;;
        *)
          __slipway_values="${__slipway_each}[@]"
          builtin printf 'variable\0%s\0' "$__slipway_each"
          declare -p "$__slipway_each"; builtin printf '\0'
          builtin printf '%s\n' "${!__slipway_values}"; builtin printf '\0' ;;
      esac
    done
    builtin printf 'end\0'
  } >&"$__slipway_out" 2>/dev/null
}
__slipway_end() {
  if [ "$1" = 0 ]; then __slipway_save; fi
  builtin exit "$1"
}
exit() {
  if [ "${1-$?}" = 0 ] && [ "$BASH_SUBSHELL" = 0 ]; then __slipway_save; fi
  builtin exit "$@"
}
