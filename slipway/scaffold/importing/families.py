"""What well-known images are: a database, a cache, a proxy, a tool of the hacking loop."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "postgres",
    "store",
    "proxy",
    "certificates",
    "pooler",
    "scheduler",
    "loop",
    "backups",
    "watcher",
    "host",
    "shell",
    "",
]
DIGEST = re.compile(r"@sha256:[0-9a-f]+$")
MAJOR = re.compile(r"(?:^|[^\d])(?P<major>\d{1,2})(?:[.\-]|$)")
# By the last part of an image's name; a word with a slash is the end of the whole name.
NAMES: Mapping[Kind, str] = {
    "postgres": "postgres postgresql postgis timescaledb timescaledb-ha pgvector citus "
    "supabase/postgres "
    "postgres-ssl spilo-17 paradedb pgvecto-rs",
    "store": "mysql mysql-server mariadb percona mongo mongodb mongodb-community-server redis "
    "redis-stack "
    "redis-stack-server valkey keydb dragonfly memcached meilisearch elasticsearch opensearch "
    "rabbitmq minio "
    "clickhouse clickhouse-server kafka cp-kafka redpanda zookeeper cp-zookeeper nats influxdb "
    "cassandra "
    "couchdb couchbase neo4j qdrant weaviate typesense solr etcd seaweedfs chroma mssql/server "
    "azure-sql-edge sonic manticore activemq mosquitto emqx rethinkdb surrealdb milvus "
    "victoria-metrics",
    "proxy": "nginx nginx-unprivileged traefik caddy haproxy nginx-proxy nginx-proxy-manager swag "
    "openresty "
    "caddy-docker-proxy envoy https-portal",
    "certificates": "certbot acme-companion letsencrypt-nginx-proxy-companion acme.sh docker-gen "
    "cloudflared",
    "pooler": "pgbouncer pgcat pgpool odyssey",
    "scheduler": "ofelia chadburn deck-chores",
    "loop": "mailhog mailpit maildev mailcatcher smtp4dev adminer pgadmin pgadmin4 phpmyadmin "
    "redis-commander "
    "redisinsight mongo-express portainer portainer-ce dozzle localstack ngrok selenium "
    "standalone-chrome "
    "playwright swagger-ui storybook pgweb cloudbeaver mock-server mockserver wiremock azurite "
    "stripe-cli",
    "backups": "postgres-backup-local docker-volume-backup db-backup postgres-backup-s3 pgbackups "
    "mysql-cron-backup "
    "docker-db-backup pgbackrest",
    "watcher": "watchtower autoheal docker-autoheal diun ouroboros",
    "host": "cadvisor node-exporter promtail fluentd fluent-bit filebeat netdata "
    "docker-socket-proxy",
    "shell": "busybox alpine debian ubuntu bash",
}
BY_NAME: Mapping[str, Kind] = {
    name: kind for kind, names in NAMES.items() for name in names.split()
}
# Where a store keeps its state; an image does not say it from outside.
STATE = re.compile(
    r"^/(?:data|bitnami|export|meili_data|qdrant|opt/couchdb|var/opt/mssql"
    r"|usr/share/(?:elasticsearch|opensearch)|var/lib/.*)"
)


@dataclass(frozen=True)
class Image:
    """The name of an image in its parts."""

    full: str
    name: str
    tag: str

    @property
    def kind(self) -> Kind:
        """What is known of it, nothing of most."""
        path = self.full.split("/")
        ends = ("/".join(path[-2:]).partition(":")[0], self.name)
        return next((BY_NAME[end] for end in ends if end in BY_NAME), "")

    @property
    def major(self) -> int | None:
        """The first number of its tag; None where it names no version."""
        match = MAJOR.search(self.tag)
        return int(match["major"]) if match else None


def image_of(spec: Mapping[str, Any]) -> Image:
    """Read the image of a service; of one that is only built there is no name."""
    full = DIGEST.sub("", str(spec.get("image") or ""))
    last = full.rpartition("/")[2]
    name, _, tag = last.partition(":")
    return Image(full, name.lower(), tag)
