#!/bin/sh
# Kept by Slipway on every machine; only a manager of a Swarm finds anything to do. Starts the jobs
# whose time has come, ends those that take too long, writes down how they ended. Everything that it
# knows stands in configs of the Swarm, whose creation fails while one of the name is there: of
# several managers that tick at once, one starts a job, and one tells. It also ends a colour that was
# kept warm after a deploy, once its time is up.
#   job-timer keep            tick for ever
#   job-timer tick [APP NOW]  tick once: for one environment, at a moment in seconds
set -u
export PATH="$PATH:/usr/local/bin:/usr/sbin:/sbin" HOME="${HOME:-/root}"
REST=15     # seconds between two ticks
ON_TIME=150 # seconds after which a job counts as missed
YOUNG=60    # seconds in which whoever claimed a run may not have started it yet

due() { # LAST MINUTES HOURS DAYS MONTHS WEEKDAYS BOTH: the newest due moment after LAST, up to now
  awk -v now="$now" -v last="$1" -v minutes="$2" -v hours="$3" -v days="$4" -v months="$5" \
    -v weekdays="$6" -v both="$7" '
    function has(list, number) { return index(list, "," number ",") > 0 }
    function is_due(day) { # of days since 1970: the calendar of Gregory, in whole numbers
      z = day + 719468; era = int(z / 146097); doe = z - era * 146097
      yoe = int((doe - int(doe / 1460) + int(doe / 36524) - int(doe / 146096)) / 365)
      doy = doe - (365 * yoe + int(yoe / 4) - int(yoe / 100)); mp = int((5 * doy + 2) / 153)
      month = mp < 10 ? mp + 3 : mp - 9
      of_month = has(days, doy - int((153 * mp + 2) / 5) + 1); of_week = has(weekdays, (day + 4) % 7)
      return has(months, month) && (both == "and" ? of_month && of_week : of_month || of_week)
    }
    BEGIN {
      for (day = int(now / 86400); day >= int(last / 86400); day--) {
        if (!is_due(day)) continue
        for (hour = 23; hour >= 0; hour--) {
          if (!has(hours, hour)) continue
          for (minute = 59; minute >= 0; minute--) {
            at = day * 86400 + hour * 3600 + minute * 60
            if (at <= last) exit
            if (at <= now && has(minutes, minute)) { printf "%.0f\n", at; exit }
          }
        }
      }
    }'
}

newest() { # KIND, fired or ran: the last minute of this job of which there is one
  printf '%s\n' "$seen" | awk -F'|' -v kind="$1" -v key="$key" '
    $(kind == "fired" ? 3 : 4) == key { sub(/.*\./, "", $1); if ($1 > most) most = $1 }
    END { print most + 0 }'
}

drop() { # KIND: what there was of it when this tick began
  printf '%s\n' "$seen" | awk -F'|' -v kind="$1" -v key="$key" '$(kind == "fired" ? 3 : 4) == key { print $1 }' |
    while read -r old; do docker config rm "$old" >/dev/null 2>&1 </dev/null; done
}

create() { # NAME, then labels: whether it was not there before
  name=$1; shift
  set -- "--label=slipway.app=$app" "$@"
  printf x | docker config create "$@" "$name" - >/dev/null 2>&1
}

task() { # how the newest task of the job stands, then what the engine says of it
  docker stack ps "$app-$job" --no-trunc --format '{{.CurrentState}}|{{.Error}}' 2>/dev/null </dev/null | head -n 1
}

has_ended() {
  case $1 in Complete* | Failed* | Rejected* | Orphaned* | Shutdown* | Remove*) return 0 ;; esac
  return 1
}

claim() { # the one run of this job, as `inv run` claims it
  create "$app.run.$job" "--label=slipway.run=$job" --label=slipway.owner=schedule \
    "--label=slipway.at=$now" --label=slipway.process= && return 0
  other=$(docker config inspect "$app.run.$job" --format '{{.ID}} {{index .Spec.Labels "slipway.at"}}' 2>/dev/null) || return 1
  state=$(task)
  if [ -n "$state" ]; then has_ended "$state" || return 1; else [ $((now - ${other#* })) -gt $YOUNG ] || return 1; fi
  docker config rm "${other% *}" >/dev/null 2>&1
  return 1 # at the next tick
}

start() {
  docker stack rm "$app-$job" >/dev/null 2>&1 </dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -n "$(docker service ls -q --filter "label=com.docker.stack.namespace=$app-$job")" ] || break
    sleep 1
  done
  # shellcheck disable=SC2069 # what it complains of, and that alone
  docker config inspect "$id" --format '{{printf "%s" .Spec.Data}}' |
    docker stack deploy --detach=true --resolve-image=never --compose-file - "$app-$job" 2>&1 >/dev/null
}

fire() {
  last=$((last * 60))
  [ "$last" -ge "$since" ] || last=$since
  [ $((now - last)) -lt 34560000 ] || last=$((now - 34560000)) # 400 days
  at=$(due "$last" "$minutes" "$hours" "$days" "$months" "$weekdays" "$both")
  [ -n "$at" ] || return 0
  [ "$missed" = run ] || [ $((now - at)) -le $ON_TIME ] || return 0
  state=$(task)
  [ -z "$state" ] || has_ended "$state" || return 0
  claim || return 0
  minute=$((at / 60)) started=$now
  if ! create "$app.f.$key.$minute" "--label=slipway.fired=$key" "--label=slipway.at=$now"; then
    docker config rm "$app.run.$job" >/dev/null 2>&1
    return 0
  fi
  drop fired
  answer=$(start) || record failed "${answer:-the Swarm did not take it}"
}

settle() { # write down how the run ended that this schedule began
  minute=$last
  [ -n "$(docker service ls -q --filter "label=com.docker.stack.namespace=$app-$job" --filter label=slipway.scheduled)" ] || return 0
  started=$(docker config inspect "$app.f.$key.$minute" --format '{{index .Spec.Labels "slipway.at"}}' 2>/dev/null) || return 0
  state=$(task)
  [ -n "$state" ] || return 0
  if ! has_ended "$state"; then
    [ $((now - started)) -gt "$timeout" ] || return 0
    record failed "it was ended after its time limit of $timeout s" && docker stack rm "$app-$job" >/dev/null 2>&1
  elif [ "${state#Complete}" != "$state" ]; then
    record ok ""
  else
    record failed "$(printf '%s' "${state#*|}" | sed 's/^"//; s/"$//; s/^task: //')"
  fi
}

record() { # STATE REASON: whether we are the one who does
  create "$app.r.$key.$minute" "--label=slipway.ran=$key" "--label=slipway.state=$1" \
    "--label=slipway.reason=$2" "--label=slipway.began=$started" "--label=slipway.ended=$now" || return 1
  drop ran
  docker config rm "$app.run.$job" >/dev/null 2>&1
  [ "$1" = ok ] || tell "the job $job of $app failed: $2; see: inv status"
  return 0
}

tell() { # TEXT: a task that has the secret it needs posts it
  notice=$(docker config ls -q --filter "label=slipway.notice=$app" | head -n 1)
  [ -n "$notice" ] || return 0
  docker stack rm "$app-notice" >/dev/null 2>&1 </dev/null
  sleep 2
  docker config inspect "$notice" --format '{{printf "%s" .Spec.Data}}' |
    SLIPWAY_TEXT=$1 docker stack deploy --detach=true --resolve-image=never --compose-file - "$app-notice" >/dev/null 2>&1
}

cool() { # ID SERVICES NETWORKS: whoever removes the config has the say, maybe a rollback just now
  docker config rm "$1" >/dev/null 2>&1 || return 0
  # shellcheck disable=SC2086 # a word each
  docker service rm $2 >/dev/null 2>&1
  [ -n "$3" ] || return 0
  for _ in 1 2 3 4 5 6 7 8 9 10; do # as long as tasks are on them
    # shellcheck disable=SC2086
    docker network rm $3 2>&1 >/dev/null | grep -q "in use" || break
    sleep 1
  done
}

tick() { # most often one question to the Swarm, which says that nothing is due
  form='{{.Name}}|{{.ID}}'
  for name in fired ran job name key minutes hours days months weekdays both missed timeout since \
    warm until services networks; do
    form="$form|{{.Label \"slipway.$name\"}}"
  done
  seen=$(docker config ls --format "$form" 2>/dev/null) || return 0 # no manager, or without the others
  printf '%s\n' "$seen" | awk -F'|' -v app="$only" '$5 != "" && (app == "" || $5 == app)' |
    while IFS='|' read -r _ id _ _ app job key minutes hours days months weekdays both missed timeout since _; do
      last=$(newest fired)
      [ "$last" = 0 ] || [ "$(newest ran)" = "$last" ] || settle </dev/null
      fire </dev/null
    done
  printf '%s\n' "$seen" | awk -F'|' -v app="$only" -v now="$now" \
    '$17 != "" && $18 <= now && (app == "" || $17 == app) { print $2 "|" $19 "|" $20 }' |
    while IFS='|' read -r id services networks; do cool "$id" "$services" "$networks" </dev/null; done
}

case ${1:-} in
  tick) only=${2:-} now=${3:-$(date +%s)}; tick ;;
  keep)
    echo $$ >/run/slipway-jobs.pid
    while :; do
      timeout 300 sh "$0" tick
      sleep $REST
    done
    ;;
esac
