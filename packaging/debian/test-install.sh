#!/bin/sh
# Installs, upgrades, removes and purges the package in the root that it runs in, with containers running:
# `cargo xtask test-packages` starts it in a fresh Debian. Arguments: the older package, and the version of the
# newer, which is in the archive in /packages/apt.
set -eu

old=$1 version=$2 id=package-test held=package-test-held
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
# The container keeps what it is given as stdio, so that is a file.
create() {
    nexcage create --bundle $bundle "$1" </dev/null >/root/output 2>&1 || { cat /root/output; fail "create"; }
}
begin() {
    create $id
    nexcage start $id
    pid=$(state-inspect --pointer /pid $id)
}
# Waits for the end of a process; nobody may be there to reap it.
ended() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        grep -qs '^State:[[:space:]]*[^Z]' "/proc/$1/status" || return 0
        sleep 0.5
    done
    fail "$2 lives"
}
lives() {
    kill -0 "$1" 2>/dev/null || fail "$2 has ended"
}
# The shim of a container.
shim_of() {
    pgrep -f "nexcage-shim.* $1( |\$)" | head -n 1 | grep . || fail "there is no shim of $1"
}
# apt, with no other archive than this one.
from_archive() {
    apt-get -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/nexcage.sources -o Dir::Etc::sourceparts=- \
        -o Acquire::By-Hash=force -o Dpkg::Options::=--force-confold --quiet --quiet --yes "$@"
}
install_new() {
    from_archive install nexcage >/root/output 2>&1 || { cat /root/output; fail "apt-get install"; }
    [ "$(dpkg-query --show --showformat='${Version}' nexcage)" = "$version" ] || fail "this is not $version"
}
trap 'kill $server; for one in $id $held; do nexcage delete --force $one 2>/dev/null || true; done' EXIT

echo "an archive"
server_at=127.0.0.1:18643
busybox httpd -f -p $server_at -h /packages/apt &
server=$!
dpkg --install /packages/apt/pool/nexcage-archive-keyring_*_all.deb >/dev/null
sed "s,https://example.org/nexcage,http://$server_at," /packages/apt/nexcage.sources >/etc/apt/sources.list.d/nexcage.sources
lists=/packages/apt/dists/stable
sed -i.right 's/^Origin: .*/Origin: somebody else/' $lists/InRelease
! from_archive update >/dev/null 2>&1 || fail "what another has written was taken"
mv $lists/InRelease.right $lists/InRelease
# What is left is found by its hash.
rm $lists/main/binary-*/Packages*
from_archive -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 update >/dev/null
for architecture in amd64 arm64; do
    apt-cache -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 policy nexcage:$architecture |
        grep -qF "Candidate: $version" || fail "no nexcage for $architecture"
done

echo "install"
dpkg --install "$old" >/dev/null
nexcage --version
containerd-shim-nexcage-v2 -v >/dev/null
systemd-analyze --man=no verify nexcage-recover.service
[ "$(stat -c %a /run/nexcage)" = 711 ] || fail "/run/nexcage was not made"
[ -L /etc/systemd/system/multi-user.target.wants/nexcage-recover.service ] || fail "the unit is not enabled"

bundle=/root/bundle
mkdir -p $bundle/rootfs/bin
cp /bin/busybox $bundle/rootfs/bin/sh
nexcage spec --bundle $bundle
sed -i -e 's/"terminal": true/"terminal": false/' -e 's/^\( *\)"sh"$/\1"sh", "-c", "while :; do sleep 1; done"/' $bundle/config.json
bundle-validate $bundle >/dev/null
begin
shim=$(shim_of $id)
create $held

echo "upgrade with a container running"
echo '{ "timeoutSeconds": 31 }' >/etc/nexcage/config.json
install_new
grep -q 31 /etc/nexcage/config.json || fail "the administrator's configuration was replaced"
lives "$pid" "the container's process"
lives "$shim" "the shim"
case $(readlink "/proc/$shim/exe") in *deleted*) ;; *) fail "the shim's binary was not replaced" ;; esac
[ "$(nexcage exec $id sh -c 'echo answered')" = answered ] || fail "exec by the old shim"
nexcage pause $id
nexcage resume $id

echo "new shims take over from old ones"
kill -KILL "$shim" "$(shim_of $held)"
ended "$shim" "the old shim"
[ "$(nexcage exec $id sh -c 'echo answered')" = answered ] || fail "exec by a successor"
nexcage start $held
[ "$(state-inspect --pointer /status $held)" = running ] || fail "start by a successor"
case $(readlink "/proc/$(shim_of $id)/exe") in *deleted*) fail "the successor is old" ;; esac
lives "$pid" "the container's process"
nexcage kill $id KILL
nexcage delete --force $id
nexcage delete --force $held

echo "remove with a container running"
begin
dpkg --remove nexcage >/dev/null
lives "$pid" "the container's process"
[ -e /etc/nexcage/config.json ] || fail "remove took the configuration"
[ ! -e /usr/bin/nexcage ] || fail "remove left nexcage"
install_new
nexcage delete --force $id
ended "$pid" "the container's process"

echo "purge"
dpkg --purge nexcage nexcage-archive-keyring >/dev/null
from_archive clean
rm /etc/apt/sources.list.d/nexcage.sources
rm -r /var/lib/apt/lists/* $bundle /root/output
left=$(find / -xdev -name '*nexcage*' -not -path '/packages/*'; find /run /sys/fs/cgroup -name '*nexcage@default@package-test*' 2>/dev/null; ls -d /run/nexcage 2>/dev/null || true)
[ -z "$left" ] || fail "left: $left"
kill $server
trap - EXIT
echo "nothing is left"
