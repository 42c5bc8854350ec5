# shellcheck shell=sh
# What keeps a script of ours running: systemd where that runs, else a process of its own, which the
# machine's start begins again. Such a script writes its number to /run/NAME.pid.

put() { # a file, where it goes, its mode; whether it was another
    ! cmp -s "$1" "$2" || return 1
    { chmod "$3" "$1" && cp -p "$1" "$2.draft" && mv -f "$2.draft" "$2"; } || exit 1
}
keeper() { # NAME SCRIPT: the process that runs it, or nothing
    pid=$(cat "/run/$1.pid" 2>/dev/null || :)
    [ -z "$pid" ] || ! grep -qsaF -e "$2" "/proc/$pid/cmdline" || echo "$pid"
}
keep_running() { # NAME, its unit, yes where it is to start again, SCRIPT, arguments; sets is_new
    name=$1 text=$2 is_new=$3
    shift 3
    if [ -d /run/systemd/system ]; then
        draft=$(mktemp)
        printf '%s' "$text" >"$draft"
        ! put "$draft" "/etc/systemd/system/$name.service" 644 || { systemctl daemon-reload; is_new=yes; }
        rm -f "$draft"
        systemctl is-enabled --quiet "$name.service" || systemctl enable --quiet "$name.service"
        systemctl is-active --quiet "$name.service" || is_new=yes
        [ "$is_new" = no ] || systemctl restart "$name.service"
    else
        pid=$(keeper "$name" "$1")
        [ -n "$pid" ] || is_new=yes
        [ -z "$pid" ] || [ "$is_new" = no ] || kill -TERM "-$pid"
        if [ "$is_new" = yes ]; then setsid sh "$@" </dev/null >/dev/null 2>&1 & fi
    fi
}
stop_keeping() { # NAME SCRIPT
    if [ -f "/etc/systemd/system/$1.service" ]; then
        systemctl disable --quiet --now "$1.service"
        rm -f "/etc/systemd/system/$1.service"
        systemctl daemon-reload
    fi
    pid=$(keeper "$1" "$2")
    [ -z "$pid" ] || kill -TERM "-$pid"
    rm -f "/run/$1.pid" "$2"
    rmdir "${2%/*}" 2>/dev/null || :
}
