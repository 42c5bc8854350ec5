# shellcheck shell=sh
# Runs in a container. Prints seconds, name and arguments of each agent that is at work there. Where
# there is none, the mark stays, and none begins for a while (slipway/agent/activity.py).
mark=/tmp/slipway-replacing
touch "$mark" 2>/dev/null || true
now=$(cut -d. -f1 /proc/uptime)
ticks=$(getconf CLK_TCK 2>/dev/null || echo 100)
working=
for process in /proc/[0-9]*; do
  arguments=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline") || continue
  case ${arguments%% *} in *python*) ;; *) continue ;; esac
  case $arguments in *' -m slipway.agent '* | *' -m slipway.inside '*) ;; *) continue ;; esac
  name=$(cat "$process/comm" 2>/dev/null) || continue
  case $name in reads*) continue ;; esac
  began=$(sed 's/.*) //' "$process/stat" 2>/dev/null | cut -d' ' -f20)
  [ -n "$began" ] || continue
  printf '%s\t%s\t%s\n' "$((now - began / ticks))" "$name" "$arguments"
  working=yes
done
[ -z "$working" ] || rm -f "$mark"
