# shellcheck shell=sh
# Facts of a machine in lines of a word, a tab and a value; changes nothing. firewall_look.sh comes
# before and has printed two lines.
say() { printf '%s\t%s\n' "$1" "$2"; }
each() { while IFS= read -r line; do say "$1" "$line"; done; }
quiet() { "$@" 2>/dev/null || :; }
if [ -e /.dockerenv ] || [ -e /run/.containerenv ]; then say contained yes; fi

quiet sshd -T | each sshd
quiet stat -c '%a %U %n' /etc/ssh/ssh_host_*_key | each host-key
getent passwd | while IFS=: read -r user _ _ _ _ home shell; do
    case $shell in */nologin | */false | */sync) continue ;; esac
    [ -d "$home" ] && [ "$home" != / ] || continue
    say home "$(stat -c '%a %U %n' "$home") $user"
    keys=$home/.ssh/authorized_keys
    [ -f "$keys" ] || continue
    say keys "$(stat -c '%a %U %n' "$keys") $user"
    quiet ssh-keygen -lf "$keys" | awk -v user="$user" '{ print $1, $NF, user }' | each key
done

# Addresses that wait for connections, and who does.
ss -Hlntup | awk '{ users = $7; print $1, $5, users }' | each listens

awk -F: '$3 == 0 { print $1 }' /etc/passwd | each root
awk -F: '$2 == "" { print $1 }' /etc/shadow | each no-password
quiet getent group docker | cut -d: -f4 | tr ',' '\n' | each docker-member
for file in /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/sudoers /etc/sudoers.d/* /etc/crontab \
    /etc/docker/daemon.json /var/run/docker.sock; do
    [ ! -e "$file" ] || say file "$(stat -L -c '%a %U %n' "$file")"
done

for name in kernel.randomize_va_space fs.suid_dumpable fs.protected_symlinks fs.protected_hardlinks \
    kernel.dmesg_restrict kernel.kptr_restrict kernel.unprivileged_bpf_disabled \
    net.ipv4.tcp_syncookies net.ipv4.conf.all.accept_source_route net.ipv4.conf.all.accept_redirects \
    net.ipv4.conf.all.send_redirects; do
    path=/proc/sys/$(echo "$name" | tr . /)
    [ ! -r "$path" ] || say sysctl "$name $(cat "$path")"
done

lists=$(quiet find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -printf '%T@\n' | sort -n | tail -n 1)
[ -z "$lists" ] || say lists-age "$(( $(date +%s) - ${lists%.*} ))"
quiet apt-get -s -o Debug::NoLocking=1 dist-upgrade |
    awk '/^Inst / && /[Ss]ecurity/ { print $2 }' | each security-update
unattended=$(quiet apt-config dump APT::Periodic::Unattended-Upgrade)
if [ -e /usr/bin/unattended-upgrade ]; then
    case $unattended in *'"0"'* | '') ;; *) say unattended yes ;; esac
fi
[ ! -e /var/run/reboot-required ] || say reboot "$(quiet cat /var/run/reboot-required.pkgs | sort -u | xargs)"

say engine "$(docker info --format '{{json .}}')"
[ ! -e /etc/docker/daemon.json ] || say engine-config "$(tr '\n\t' '  ' </etc/docker/daemon.json)"
# Field by field: what a container's environment holds is nobody's business here.
form='{"name":{{json .Name}},"service":{{json (index .Config.Labels "slipway.service")}}'
form=$form',"user":{{json .Config.User}},"mounts":{{json .Mounts}}'
for field in Privileged CapAdd CapDrop SecurityOpt NetworkMode PidMode IpcMode Memory PidsLimit ReadonlyRootfs; do
    form="$form,\"$field\":{{json .HostConfig.$field}}"
done
for container in $(docker ps --quiet --no-trunc); do
    quiet docker inspect --format "$form}" "$container" | each container
done
