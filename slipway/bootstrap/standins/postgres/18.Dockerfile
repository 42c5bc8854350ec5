# Stands in for postgres:18: Debian testing's PostgreSQL 18 behind the interface of the official
# image, which from 18 on has its volume one folder higher and its data in a folder per version.
FROM debian:trixie-slim
ENV LANG=C.UTF-8 PG_MAJOR=18 PGDATA=/var/lib/postgresql/18/docker \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/18/bin
# Testing's index says until when it holds; a mirror that is some days behind is good enough here.
# Its JIT is a package of its own, which is left out. What is built on this image goes on with testing.
# The version tried last is taken while the mirror has it, and else the one of the day; the label tells.
ARG TRIED=18.6-3
RUN groupadd -r -g 999 postgres \
 && useradd -r -u 999 -g 999 -d /var/lib/postgresql -s /bin/bash postgres \
 && sed -i 's/^deb \(.*\) trixie /deb [check-valid-until=no] \1 forky /' /etc/apt/sources.list \
 && apt-get update \
 && mkdir -p /etc/postgresql-common \
 && printf 'create_main_cluster = false\n' > /etc/postgresql-common/createcluster.conf \
 && { apt-cache madison postgresql-18 | grep -qF " $TRIED " || TRIED=; } \
 && apt-get install -y -o Dpkg::Options::=--force-confold \
      "postgresql-18${TRIED:+=$TRIED}" "postgresql-client-18${TRIED:+=$TRIED}" systemd-standalone-tmpfiles tzdata locales-all- \
 && rm -rf /var/lib/apt/lists/* /etc/postgresql /usr/lib/postgresql/18/lib/bitcode \
 && sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" /usr/share/postgresql/18/postgresql.conf.sample \
 && install -d -m 3777 -o postgres -g postgres /var/run/postgresql \
 && install -d -m 1777 -o postgres -g postgres /var/lib/postgresql \
 && mkdir /docker-entrypoint-initdb.d \
 && printf 'postgresql %s' "$(dpkg-query -W -f '${Version}' postgresql-18)" > /etc/slipway-standin
COPY --chmod=755 docker-entrypoint.sh /usr/local/bin/
VOLUME /var/lib/postgresql
ENTRYPOINT ["docker-entrypoint.sh"]
STOPSIGNAL SIGINT
EXPOSE 5432
CMD ["postgres"]
