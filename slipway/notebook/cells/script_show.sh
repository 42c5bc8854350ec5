# shellcheck shell=bash disable=SC2163 # the names are in variables
# To Python every variable is there, exported or not; but for what no process can be given.
__slipway_show() {
  local IFS=$'\n' __slipway_each __slipway_value
  for __slipway_each in $(compgen -v); do
    case $__slipway_each in
      BASH* | COMP_* | DIRSTACK | EPOCH* | EUID | FUNCNAME | GROUPS | HISTCMD | HOSTTYPE | IFS) ;;
      LINENO | MACHTYPE | OPTARG | OPTERR | OPTIND | OSTYPE | PIPESTATUS | PPID | PS4 | RANDOM) ;;
      SECONDS | SHELLOPTS | SRANDOM | UID | _ | __slipway_*) ;;
      *)
        __slipway_value=${!__slipway_each-}
        if ((${#__slipway_value} < 30000)); then export "$__slipway_each"; fi ;;
    esac
  done
}
__slipway_show
