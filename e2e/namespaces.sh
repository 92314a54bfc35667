#!/usr/bin/env bash
# Runs a command in network, mount and process namespaces of its own, so that nothing it starts can outlive it:
# processes, mounts, bridges and firewall rules all go with the namespaces, whatever happened inside.
#
# Usage: namespaces.sh FOLDER COMMAND…
#
# Ends the command when standard input is closed, which the kernel does when the one who called has died.
# FOLDER is made, and removed at the end but for FOLDER/logs of a command that failed. Needs root.
set -uo pipefail

if [ "$1" = --inside ]; then
  set -e
  shift
  # What is mounted in here spreads to containers, and never out of here.
  mount --make-rprivate / && mount --make-rshared /
  # Sockets and pins of containers: nothing of the machine's own shows, and nothing is left there.
  mount -t tmpfs -o mode=755 tmpfs /run
  ip link set lo up
  # The node's address. With the default route, services are reached by the node itself, too.
  ip link add node0 type bridge
  ip address add 192.0.2.10/32 dev node0
  ip link set node0 up
  ip route add default dev node0 src 192.0.2.10
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # Not `exec`: the first process of a namespace inherits what loses its parent, and bash waits for it.
  set +e
  "$@"
  exit $?
fi

folder=$1
shift
name=$(basename "$folder")
# One folder per controller (version 1), or one at all (version 2).
groups=()
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  groups=("/sys/fs/cgroup/$name")
else
  for each in /sys/fs/cgroup/*/; do [ -L "${each%/}" ] || groups+=("$each$name"); done
fi

remove_groups() { # those that ran here, which are empty when the last process has gone
  local tries
  for tries in $(seq 50); do
    find "${groups[@]}" -depth -type d -exec rmdir {} + 2>/dev/null
    ls -d "${groups[@]}" >/dev/null 2>&1 || return 0
    sleep 0.1
  done
  echo "namespaces.sh: processes are left in ${groups[*]}" >&2
}

trap '' INT TERM HUP
mkdir -p "$folder/logs"
for each in "${groups[@]}"; do
  mkdir -p "$each" 2>/dev/null || continue
  # A group of processors starts out empty, and then takes no process.
  for what in cpus mems; do
    ! [ -e "$each/cpuset.$what" ] || [ -e "$each/cgroup.controllers" ] || cat "$each/../cpuset.$what" >"$each/cpuset.$what"
  done
done

exec 3<&0
unshare --net --mount --pid --fork --kill-child --mount-proc bash "${BASH_SOURCE[0]}" --inside "$@" </dev/null 3<&- &
child=$!
{ while read -r -u 3 _; do :; done; kill -KILL "$child"; } 2>/dev/null &
watcher=$!
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
remove_groups
if [ "$code" = 0 ]; then rm -rf "$folder"; else find "$folder" -mindepth 1 -maxdepth 1 ! -name logs -exec rm -rf {} +; fi
exit "$code"
