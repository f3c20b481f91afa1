#!/bin/sh
# Opens what engines close to a container, and starts Drawbridge as its first process but one. The capability that mounting
# takes it needs in any case; a privileged container would have all of them, and every device.
set -eu
# Forwarding, and what each bridge does, are set below /proc/sys; containers have their groups below /sys/fs/cgroup.
awk '$5 ~ "^(/proc/sys|/sys/fs/cgroup)($|/)" && $6 ~ "^ro" { print $5 }' /proc/self/mountinfo | while read -r folder; do
    busybox mount -o remount,bind,rw "$folder"
done
# In a v2 tree only leaves hold processes (cgroups(7)), and this container's group is to have others below it.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p /sys/fs/cgroup/init
    # Among them is xargs itself, which has ended before it could be moved.
    xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || true
    sed 's/\</+/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
fi
exec tini -g -- drawbridge "$@"
