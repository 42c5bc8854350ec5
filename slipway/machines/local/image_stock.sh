# shellcheck shell=sh
# $1 a machine, then the images it gets in stock. Its engine ends before its store is packed; what
# belongs to one machine alone (its host keys, its engine's name) is not in what is kept.
machine=$1; shift
docker exec "$machine" timeout 300 sh -c 'until docker version >/dev/null 2>&1; do sleep 0.2; done'
docker save "$@" | docker exec -i "$machine" docker load >/dev/null
docker exec "$machine" sh -euc '
    engine=$(cat /run/docker.pid)
    kill -TERM "$engine"
    while kill -0 "$engine" 2>/dev/null; do sleep 0.1; done
    tar --xattrs --xattrs-include="*" -C /var/lib/docker -cf /var/lib/stock.tar overlay2 image
    rm -f /etc/ssh/ssh_host_* /var/log/dockerd.log
'
