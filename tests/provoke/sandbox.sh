#!/bin/bash
# Runs one job of a fixture as a user of a cluster node would see it: own mounts, host name, network and pids.
# Called by provoke.py inside `unshare --mount --uts --net --pid --fork`; the job is ./job.sh of the current folder.
#   sandbox.sh USER [SETUP]    USER: mara or root; SETUP: shell commands run as root before the job
set -e
user=$1 setup=$2
{
    mount --make-rprivate /
    hostname node17
    mount -t proc proc /proc
    mount -t tmpfs -o mode=755 tmpfs /home
    mkdir -p /home/mara
    chown 2041:2041 /home/mara
    etc=/home/.etc
    mkdir -m 755 $etc
    printf '127.0.0.1 localhost\n127.0.1.1 node17\n' >$etc/hosts
    { cat /etc/passwd; echo 'mara:x:2041:2041::/home/mara:/bin/bash'; } >$etc/passwd
    mount --bind $etc/hosts /etc/hosts
    mount --bind $etc/passwd /etc/passwd
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    mkdir -p -m 1777 /tmp/scratch
    # loopback only: whatever wants the internet fails as it does on a compute node without it
    /usr/bin/python3 - <<'PY'
import fcntl
import socket
import struct
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING
PY
    if [[ -n $setup ]]; then eval "$setup"; fi
} >/dev/null 2>/home/.setup.err || { cat /home/.setup.err >&2; echo "sandbox: setup failed" >&2; exit 99; }
set +e
unset TOOLS
if [[ $user == root ]]; then
    bash job.sh
else
    HOME=/home/mara USER=mara setpriv --reuid=2041 --regid=2041 --clear-groups bash job.sh
fi
exit $?
