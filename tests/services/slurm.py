"""A real Slurm on one machine, for tests and benchmarks: a controller, two nodes, munge.

Debian's `slurmctld slurmd slurm-client munge` run as root without systemd and control groups, all
of their state in one folder, on ports of their own. Nothing outside the folder is touched.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .loopback import free_ports, wait_for

NODES = ("n1", "n2")
# What differs from the profile: no accounting, and looks that are as quick as the jobs.
QUICK = (
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=3",
    "--seconds-between-status-checks=1",
    "--max-status-checks-per-second=1",
)
PROGRAMS = ("slurmctld", "slurmd", "srun", "sbatch", "squeue", "scancel", "munged")
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
PlugStackConfig=/dev/null
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
{accounting}
# Each job's memory is looked at every second, and one that takes more than it asked for is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
SlurmdTimeout=15
SlurmctldTimeout=30
MinJobAge=3600
KillWait=5
OverTimeLimit=0
SlurmdParameters=config_overrides
GresTypes=gpu
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=8000 "
    "Gres=gpu:1"
)
# Slurm counts a GPU on each node, and hands it out; behind it is none.
GPUS = f"AutoDetect=off\nNodeName={','.join(NODES)} Name=gpu File=/dev/null\n"


def processes(folder: Path) -> list[int]:
    """The processes that have the folder's path on their command line or as SLURM_CONF."""
    found = []
    needle = os.fsencode(folder) + b"/"
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            if needle in command or b"SLURM_CONF=" + needle in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


class Slurm:
    """The cluster in a folder; `environment` is what its commands need."""

    programs: tuple[str, ...] = PROGRAMS

    def __init__(self, folder: Path) -> None:
        path = self._path()
        missing = [program for program in self.programs if not shutil.which(program, path=path)]
        if missing or os.getuid():
            reason = f"{', '.join(missing)} missing" if missing else "not run as root"
            raise RuntimeError(f"no Slurm can be started: {reason}; see .ci/packages")
        self.folder = folder
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        host = socket.gethostname()
        controller, *ports = free_ports(1 + len(NODES))
        nodes = [
            NODE.format(name=name, host=host, port=port)
            for name, port in zip(NODES, ports, strict=True)
        ]
        partition = f"PartitionName=main Nodes={','.join(NODES)} Default=YES MaxTime=1440 State=UP"
        for name in ("state", "bin", *(f"spool.{node}" for node in NODES)):
            (folder / name).mkdir(parents=True)
        text = CONFIGURATION.format(
            host=host, controller=controller, folder=folder, accounting=self.accounting()
        )
        self.configuration = folder / "slurm.conf"
        self.configuration.write_text("\n".join([text, *nodes, partition, ""]))
        (folder / "gres.conf").write_text(GPUS)
        # The executor's job step drops SLURM_CONF, which srun needs here.
        wrapper = folder / "bin" / "srun"
        real = shutil.which("srun", path=self._path())
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.configuration} exec {real} "$@"\n')
        wrapper.chmod(0o755)
        self.environment = {
            "SLURM_CONF": str(self.configuration),
            "PATH": os.pathsep.join([str(folder / "bin"), self._path()]),
        }

    def accounting(self) -> str:
        """The lines of the configuration that say what keeps the accounts: nothing."""
        return "AccountingStorageType=accounting_storage/none"

    @staticmethod
    def _path() -> str:
        return os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start everything, and wait until both nodes take jobs."""
        self.start_munge()
        self.start_cluster()

    def start_cluster(self) -> None:
        """Start controller and nodes, and wait until both take jobs."""
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self.wait_until_idle()

    def start_munge(self) -> None:
        """Start what lets the others trust each other."""
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        options = {"key-file": key.name, "socket": "munge.socket", "pid-file": "munge.pid"}
        options |= {"log-file": "munge.log", "seed-file": "munge.seed"}
        self._start(
            "munged",
            "munged",
            "--foreground",
            "--force",
            *(f"--{name}={self.folder / file}" for name, file in options.items()),
        )
        wait_for((self.folder / "munge.socket").exists, 10, "munged")

    def start_controller(self) -> None:
        """Start slurmctld, with the state that it left."""
        self._start("slurmctld", "slurmctld", "-D")

    def kill_controller(self) -> None:
        """Kill slurmctld without warning."""
        self._kill("slurmctld")

    def wait_until_saved(self, job: str) -> None:
        """Wait until the controller has written down that a job runs; killed before, it forgets it.

        It saves what has changed, within some seconds: so something is changed, and looked for.
        """
        mark = f"saved-{os.urandom(8).hex()}"
        self.run("scontrol", "update", f"jobid={job}", f"admincomment={mark}")
        state = self.folder / "state" / "job_state"
        wait_for(lambda: mark.encode() in state.read_bytes(), 60, f"the saved state of job {job}")

    def start_node(self, name: str) -> None:
        """Start a node's slurmd."""
        self._start(name, "slurmd", "-D", "-N", name)

    def kill_node(self, name: str) -> None:
        """Let a node die: its slurmd and all that runs on it, without warning."""
        self._kill(name)
        for pid in processes(self.folder):
            with contextlib.suppress(OSError):
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                steps = b"slurmstepd" in command and os.fsencode(f"spool.{name}") in command
                if steps or b"SLURMD_NODENAME=" + os.fsencode(name) in environment:
                    os.kill(pid, signal.SIGKILL)

    def _kill(self, daemon: str) -> None:
        process = self._daemons.pop(daemon)
        process.kill()
        process.wait()

    def run(self, *command: str) -> str:
        """What a Slurm command prints."""
        answer = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return answer.stdout

    def states(self) -> list[str]:
        """The state of each node, such as idle or down*."""
        with contextlib.suppress(subprocess.SubprocessError):
            return self.run("sinfo", "--noheader", "--Node", "--format=%t").split()
        return []

    def wait_until_idle(self) -> None:
        """Wait until both nodes are up, with nothing to do.

        A controller that is killed may forget a job that has just begun, and drain its node when
        that is found: as an administrator does, it is taken back.
        """

        def idle() -> bool:
            states = dict(zip(NODES, self.states(), strict=False))
            for node, state in states.items():
                if state.startswith(("drain", "drng", "down")):
                    with contextlib.suppress(subprocess.SubprocessError):
                        self.run("scontrol", "update", f"nodename={node}", "state=resume")
            return list(states.values()) == ["idle"] * len(NODES)

        wait_for(idle, 120, "two idle nodes")

    def gpus(self) -> list[str]:
        """What each job that there was asked for beside cores and memory: gres:gpu:1 or N/A."""
        chosen = ("--states=all", "--sort=i", "--Format=tres-per-job")
        return self.run("squeue", "--noheader", *chosen).split()

    def nodes_of(self, rule: str) -> set[str]:
        """The nodes that jobs of a rule were on, whose comments begin with its name."""
        text = self.run("squeue", "--noheader", "--states=all", "--format=%N|%k")
        found = [line.split("|", 1) for line in text.splitlines()]
        return {node for node, comment in found if comment.startswith(rule)}

    def stop(self) -> None:
        """Stop everything; no process is left."""
        with contextlib.suppress(subprocess.SubprocessError):
            self.run("scancel", "--user=root")
        for daemon in list(self._daemons):
            self._kill(daemon)
        for pid in processes(self.folder):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not processes(self.folder), 10, "the end of Slurm's processes")


@contextlib.contextmanager
def running(folder: Path, kind: type[Slurm] = Slurm) -> Iterator[Slurm]:
    """A cluster that is stopped whatever happens."""
    slurm = kind(folder)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
