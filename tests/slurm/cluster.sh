#!/bin/bash
# A real SLURM on this one machine, for the tests: slurmctld, slurmdbd on MariaDB, two slurmd.
#
#   cluster.sh start     install what is missing, start what is not running (idempotent)
#   cluster.sh stop      stop what was started here
#   cluster.sh status    0: jobs can run, 1: not
#
# Exit status 3 and one sentence: this machine is none where we may install (the tests then skip).
# Cluster `lab`, account `ml`, user `alice` (root may submit too), nodes node01 and node02.
# Both nodes are this machine and lie about their size: a job may ask for 16 CPUs, 128 GB and a V100.
set -euo pipefail

USER_NAME=alice ACCOUNT=ml CLUSTER=lab
STATE=/var/lib/slurm-lab                # where our own marker and the stand-ins for GPUs lie
MARK="# written by tests/slurm/cluster.sh"
PACKAGES="slurmctld slurmd slurm-client slurmdbd mariadb-server munge python3-venv sqlite3"
HOST=$(hostname -s)

no_go() { echo "cluster.sh: no SLURM here: $*" >&2; exit 3; }
say() { echo "cluster.sh: $*"; }
wait_for() {                            # wait_for SECONDS WHAT COMMAND...
    local end=$((SECONDS + $1)) what=$2; shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { say "$what did not come up, see /var/log/slurm" >&2; exit 1; }
        sleep 0.3
    done
}
alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

may_install() {
    [ "$(id -u)" = 0 ] || no_go "it needs root."
    grep -qs '^ID=debian' /etc/os-release || no_go "it is made for Debian 12."
    if [ -e /etc/slurm/slurm.conf ] && ! grep -qF "$MARK" /etc/slurm/slurm.conf; then
        no_go "/etc/slurm/slurm.conf belongs to somebody else."
    fi
}

install_packages() {
    command -v slurmctld slurmd slurmdbd mariadbd munged sqlite3 >/dev/null && [ -e $STATE/installed ] && return
    say "installing $PACKAGES"
    export DEBIAN_FRONTEND=noninteractive
    local apt="apt-get -qq -o DPkg::Lock::Timeout=180 -o Dpkg::Use-Pty=0"
    mkdir -p $STATE
    # Lists that cannot be fetched anew (a mirror whose signature has run out) need not matter: those here may do.
    { $apt update || :; $apt install -y --no-install-recommends $PACKAGES; } >$STATE/apt.log 2>&1 \
        || no_go "apt-get could not install the packages ($(tail -1 $STATE/apt.log))."
    touch $STATE/installed
}

# How a job that exceeds its memory is killed: by a memory cgroup where one can be made, else slurmd polls.
# v1 and poll have been tried, v2 has not. SLURM_LAB_MEMORY=poll asks for polling (a case of provoke_slurm.py).
memory_kill() {
    local dir
    if [ -n "${SLURM_LAB_MEMORY:-}" ]; then echo "$SLURM_LAB_MEMORY"; return; fi
    for dir in /sys/fs/cgroup/memory /sys/fs/cgroup; do
        mkdir "$dir/slurm-lab-probe" 2>/dev/null || continue
        local limit; limit=$(ls "$dir/slurm-lab-probe" | grep -Ex 'memory.limit_in_bytes|memory.max' || true)
        rmdir "$dir/slurm-lab-probe"
        case $limit in memory.limit_in_bytes) echo v1; return ;; memory.max) echo v2; return ;; esac
    done
    echo poll
}

write_configuration() {
    local kill_by; kill_by=$(memory_kill)
    local task="TaskPlugin=task/cgroup" gather=""
    if [ "$kill_by" = poll ]; then
        say "no memory cgroup: slurmd polls the memory of jobs, a kill is FAILED 0:9 instead of OUT_OF_MEMORY"
        task="TaskPlugin=task/none" gather="JobAcctGatherParams=OverMemoryKill"
    fi
    # Null devices stand in for GPUs: slurmd wants a device for each (a bare Count=4 makes it report 0 and the
    # node INVAL), and /dev/nvidia* would mislead programs that look for a driver.
    local n
    for n in 0 1 2 3; do [ -c $STATE/gpu$n ] || { rm -f $STATE/gpu$n; mknod -m 666 $STATE/gpu$n c 1 3; }; done
    cat >/etc/slurm/gres.conf <<CONF
NodeName=node[01-02] Name=gpu Type=v100 File=$STATE/gpu[0-3]
CONF
    # Cgroups are mounted already (CgroupAutomount=no). No systemd here to make scopes for cgroup v2.
    cat >/etc/slurm/cgroup.conf <<CONF
CgroupPlugin=cgroup/${kill_by/poll/v1}
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=no
$([ "$kill_by" != v2 ] || echo IgnoreSystemd=yes)
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
ConstrainCores=no
ConstrainDevices=no
CONF
    # config_overrides: believe the sizes below, not the machine. KillWait: SIGKILL 5 s after SIGTERM.
    # The PriorityTier of a partition says who preempts whom; PreemptMode says what happens to the victim.
    # Two slurmd on one machine: %n in the paths, a Port for each.
    cat >/etc/slurm/slurm.conf <<CONF
$MARK
ClusterName=$CLUSTER
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=slurm
AuthType=auth/munge
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd-%n
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdPidFile=/run/slurm/slurmd-%n.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
$task
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
$gather
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=5
MinJobAge=300
SlurmdTimeout=60
SchedulerParameters=bf_interval=5,sched_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
NodeName=DEFAULT Sockets=1 CoresPerSocket=64 ThreadsPerCore=1 RealMemory=512000 Gres=gpu:v100:4
NodeName=node01 NodeHostname=$HOST NodeAddr=127.0.0.1 Port=17001
NodeName=node02 NodeHostname=$HOST NodeAddr=127.0.0.1 Port=17002
PartitionName=DEFAULT MaxTime=7-00:00:00 DefaultTime=01:00:00 DefMemPerCPU=500 State=UP
PartitionName=gpu Nodes=node01 Default=YES PriorityTier=5
PartitionName=serial Nodes=node01 PriorityTier=5
PartitionName=spare Nodes=node02 PriorityTier=5
PartitionName=urgent Nodes=node02 PriorityTier=9
PartitionName=scavenge Nodes=node02 PriorityTier=1 PreemptMode=REQUEUE
PartitionName=spot Nodes=node02 PriorityTier=1 PreemptMode=CANCEL
CONF
    cat >/etc/slurm/slurmdbd.conf <<CONF
AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
SlurmUser=slurm
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
LogFile=/var/log/slurm/slurmdbd.log
PidFile=/run/slurm/slurmdbd.pid
CONF
    chown slurm:slurm /etc/slurm/slurmdbd.conf
    chmod 600 /etc/slurm/slurmdbd.conf  # slurmdbd refuses it otherwise
}

make_user() {
    getent group $ACCOUNT >/dev/null || groupadd $ACCOUNT
    id $USER_NAME >/dev/null 2>&1 || useradd -m -g $ACCOUNT -s /bin/bash $USER_NAME
}

# The daemons go into sessions of their own, so that they outlive the shell that called us.
start_daemons() {
    install -d -o mysql -g mysql /run/mysqld /var/log/mysql
    install -d -o munge -g munge /run/munge /var/log/munge /var/lib/munge
    install -d -o slurm -g slurm /run/slurm /var/log/slurm /var/spool/slurmctld
    install -d -o mysql -g mysql $STATE/mariadb     # /tmp may be root's alone, in a container
    if ! mysqladmin ping >/dev/null 2>&1; then
        setsid mariadbd --user=mysql --bind-address=127.0.0.1 --innodb-lock-wait-timeout=900 --tmpdir=$STATE/mariadb \
            </dev/null >/var/log/mysql/out.log 2>&1 &
        wait_for 60 MariaDB mysqladmin ping
    fi
    munge -n 2>/dev/null | unmunge >/dev/null 2>&1 || setsid runuser -u munge munged
    wait_for 20 munged bash -c 'munge -n | unmunge'
    if ! alive /run/slurm/slurmdbd.pid; then
        mysql -e "CREATE DATABASE IF NOT EXISTS slurm_acct_db;
            CREATE USER IF NOT EXISTS slurm@localhost IDENTIFIED BY 'slurm';
            GRANT ALL ON slurm_acct_db.* TO slurm@localhost;"
        setsid slurmdbd
    fi
    wait_for 60 slurmdbd sacctmgr -n show cluster
    if [ -z "$(sacctmgr -nP show user $USER_NAME format=User)" ]; then
        sacctmgr -iQ add cluster $CLUSTER >/dev/null || true
        sacctmgr -iQ add account $ACCOUNT Description=lab Organization=lab >/dev/null || true
        # QOS debug: a job longer than 30 minutes is refused at once instead of waiting for ever.
        sacctmgr -iQ add qos debug set MaxWall=00:30:00 Flags=DenyOnLimit >/dev/null || true
        sacctmgr -iQ add user $USER_NAME,root Account=$ACCOUNT QOS=normal,debug DefaultQOS=normal >/dev/null
    fi
    alive /run/slurm/slurmctld.pid || setsid slurmctld
    wait_for 60 slurmctld scontrol ping
    local node
    for node in node01 node02; do
        alive /run/slurm/slurmd-$node.pid || setsid slurmd -N $node
    done
}

nodes_up() { [ "$(sinfo -hN -o '%N %T' 2>/dev/null | sort -u | grep -cE ' (idle|mixed|allocated|completing|planned)$')" = 2 ]; }

wake_nodes() {
    wait_for 10 slurmctld sinfo
    nodes_up || sleep 3
    nodes_up || scontrol update nodename=node[01-02] state=resume 2>/dev/null || true
    wait_for 60 "a node" nodes_up
}

status() {
    if command -v sinfo >/dev/null && scontrol ping >/dev/null 2>&1 && sacctmgr -n show cluster >/dev/null 2>&1 \
        && nodes_up; then
        sinfo -N -o '%N %P %T'
        grep -qs task/cgroup /etc/slurm/slurm.conf && say "memory limits are enforced by cgroups" \
            || say "memory limits are enforced by polling"
        return 0
    fi
    say "not running"
    return 1
}

stop() {
    local name pid
    for name in slurmd-node01 slurmd-node02 slurmctld slurmdbd; do
        alive /run/slurm/$name.pid || continue
        pid=$(cat /run/slurm/$name.pid)
        kill "$pid"
        wait_for 30 "the end of $name" bash -c "! kill -0 $pid"
    done
    mysqladmin ping >/dev/null 2>&1 && mysqladmin shutdown
    if [ -s /run/munge/munged.pid ]; then kill "$(cat /run/munge/munged.pid)"; fi
    say "stopped"
}

# Commands that find a configuration and no controller wait 10 s, and Snakemake's SLURM plugin gives such a command
# at every start of Snakemake: where no cluster runs, none is configured.
forget_configuration() { rm -f /etc/slurm/slurm.conf; }

# Two tests may call at once. flock -o: the daemons must not inherit the lock.
alone() { [ "${SLURM_LAB_ALONE:-}" ] || SLURM_LAB_ALONE=1 exec flock -o /run/lock/slurm-lab "$0" "$@"; }

case ${1:-} in
    start)
        if status >/dev/null 2>&1; then say "runs already"; exit 0; fi
        may_install
        alone start
        install_packages
        trap 'status >/dev/null || forget_configuration' EXIT
        write_configuration
        make_user
        start_daemons
        wake_nodes
        status
        ;;
    stop) may_install; alone stop; stop; forget_configuration ;;
    status) status ;;
    *) sed -n '2,10p' "$0"; exit 2 ;;
esac
