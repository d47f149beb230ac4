#!/bin/sh
# Installs, upgrades, removes and purges the package in the root that it runs in, with containers running:
# `cargo xtask test-packages` starts it in a fresh Debian. Arguments: the older and the newer package.
set -eu

old=$1 new=$2 id=package-test
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
# The container keeps what it is given as stdio, so that is a file.
begin() {
    nexcage create --bundle $bundle $id </dev/null >/root/output 2>&1 || { cat /root/output; fail "create"; }
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
trap 'nexcage delete --force $id 2>/dev/null || true' EXIT

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
shim=$(pgrep -f "nexcage-shim.*$id" | head -n 1)
[ -n "$shim" ] || fail "there is no shim"

echo "upgrade with a container running"
echo '{ "timeoutSeconds": 31 }' >/etc/nexcage/config.json
dpkg --install --force-confold "$new" >/dev/null
grep -q 31 /etc/nexcage/config.json || fail "the administrator's configuration was replaced"
lives "$pid" "the container's process"
lives "$shim" "the shim"
case $(readlink "/proc/$shim/exe") in *deleted*) ;; *) fail "the shim's binary was not replaced" ;; esac
[ "$(nexcage exec $id sh -c 'echo answered')" = answered ] || fail "exec by the old shim"
nexcage pause $id
nexcage resume $id
nexcage kill $id KILL
nexcage delete --force $id
ended "$shim" "the old shim"

echo "remove with a container running"
begin
dpkg --remove nexcage >/dev/null
lives "$pid" "the container's process"
[ -e /etc/nexcage/config.json ] || fail "remove took the configuration"
[ ! -e /usr/bin/nexcage ] || fail "remove left nexcage"
dpkg --install "$new" >/dev/null
nexcage delete --force $id
ended "$pid" "the container's process"

echo "purge"
dpkg --purge nexcage >/dev/null
rm -r $bundle /root/output
left=$(find / -xdev -name '*nexcage*' -not -path '/packages/*'; find /run /sys/fs/cgroup -name '*nexcage@default@package-test*' 2>/dev/null; ls -d /run/nexcage 2>/dev/null || true)
[ -z "$left" ] || fail "left: $left"
trap - EXIT
echo "nothing is left"
