# shellcheck shell=sh disable=SC2154,SC2086 # what node_list.sh and observed_swarm.sh set
docker node inspect $nodes --format 'node	{{json .}}'
docker service ls --filter "label=slipway.app=$app" --format 'count	{{json .}}'
inspect service 'service	{{json .}}'
inspect config 'config	{{json .Version.Index}}	{{json .Spec.Name}}	{{json .Spec.Labels}}'
docker secret ls --filter "label=slipway.app=$app" --format 'secret	{{json .Name}}'
docker network ls --filter "label=slipway.app=$app" --format 'network	{{json .Name}}'
