"""What a process may no longer do from here on, nor any that it starts: the kernel holds it to it.

Three means of Linux that need no privilege and no program: resource limits, Landlock for files
(landlock(7)) and a seccomp filter for system calls (seccomp(2)). Each is by the thread: to be
called before there is a second one.
"""

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 38, 22
CAPABILITY_VERSION = 0x20080522

# Landlock, include/uapi/linux/landlock.h: the calls' numbers are the same on every processor.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, OF_DEVICES = 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | OF_DEVICES
# The access rights that each version of Landlock knows: the lowest n bits.
KNOWN_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}

# System calls that start or reach other processes, reach the network, or change what is seen of
# the system; their numbers on x86-64 and AArch64 (None: there is none).
REFUSED: dict[str, tuple[int | None, int]] = {
    "fork": (57, 0xFFFF),
    "vfork": (58, 0xFFFF),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setpriority": (141, 140),
    "sched_setscheduler": (144, 119),
    "socket": (41, 198),
    "io_uring_setup": (425, 425),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}
# Those that are judged by their first argument.
KILL, TKILL, TGKILL, PRLIMIT, PRCTL, CLONE, CLONE3 = (
    (62, 129),
    (200, 130),
    (234, 131),
    (302, 261),
    (157, 167),
    (56, 220),
    (435, 435),
)
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
CLONE_THREAD = 0x10000
EPERM, ENOSYS = 1, 38


def confine(limits: Mapping[str, int], readable: Iterable[str], scratch: str) -> list[str]:
    """Confine this process; returns what holds: of "limits", "files" and "calls".

    `limits` are bytes of `memory` and `file_bytes` of a file, and `cpu_seconds`. Below `readable`
    files can be read, in `scratch` written too, and nothing elsewhere.
    """
    for what, amount in (
        (resource.RLIMIT_DATA, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
    ):
        _, most = resource.getrlimit(what)
        amount = amount if most == resource.RLIM_INFINITY else min(amount, most)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (amount, amount))
    held = ["limits"]
    if sys.platform != "linux":
        return held
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _drop_capabilities(libc)
    libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if _restrict_files(libc, readable, scratch):
        held.append("files")
    if _filter_calls(libc):
        held.append("calls")
    return held


def end_with_parent(parent: int) -> None:
    """Have this process killed once its parent, of the process number `parent`, has ended."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Be root in name alone, if at all."""
    libc.capset(struct.pack("<Ii", CAPABILITY_VERSION, 0), bytes(24))


def _restrict_files(libc: ctypes.CDLL, readable: Iterable[str], scratch: str) -> bool:
    """Landlock: read below some folders, write in one. False where the kernel has none."""
    version = libc.syscall(CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    every = (1 << KNOWN_RIGHTS[min(version, max(KNOWN_RIGHTS))]) - 1
    attributes = struct.pack("<Q", every)
    ruleset = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    allowed = dict.fromkeys(readable, EXECUTE | READ_FILE | READ_DIR)
    allowed |= {"/dev/null": every, "/dev/urandom": READ_FILE, scratch: every}
    for place, rights in allowed.items():
        if not os.path.exists(place):
            continue
        rights &= every if os.path.isdir(place) else OF_FILES & every
        descriptor = os.open(place, os.O_PATH)
        libc.syscall(ADD_RULE, ruleset, 1, struct.pack("<Qi", rights, descriptor), 0)
        os.close(descriptor)
    done = libc.syscall(RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return bool(done)


def _filter_calls(libc: ctypes.CDLL) -> bool:
    """Seccomp: what is REFUSED fails with "operation not permitted". False where there is none."""
    if platform.machine() not in ARCHITECTURES or sys.maxsize < 1 << 32:
        return False
    column, architecture = ARCHITECTURES[platform.machine()]
    instructions = program(column, architecture, os.getpid())
    code = b"".join(struct.pack("<HBBI", *each) for each in instructions)
    buffer = ctypes.create_string_buffer(code)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    filter_ = Program(len(instructions), ctypes.addressof(buffer))
    return bool(libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(filter_), 0, 0) == 0)


Instruction = tuple[int, int, int, int]


def program(column: int, architecture: int, process: int) -> list[Instruction]:
    """The filter: instructions (code, jump if true, jump if not, operand) of classic BPF."""

    def load(offset: int) -> Instruction:
        return 0x20, 0, 0, offset

    def equal(value: int, otherwise: int) -> Instruction:
        return 0x15, 0, otherwise, value

    def answer(error: int) -> Instruction:
        return 0x06, 0, 0, 0x50000 | error if error else 0x7FFF0000

    def only(call: Sequence[int], *arguments: int, allow: bool = True) -> list[Instruction]:
        """The call passes with these first arguments alone, or with all but these."""
        named, others = (0, EPERM) if allow else (EPERM, 0)
        tests = [each for value in arguments for each in (equal(value, 1), answer(named))]
        body = [load(16), *tests, answer(others)]
        return [equal(call[column], len(body)), *body]

    of_threads: list[Instruction] = [load(16), (0x45, 0, 1, CLONE_THREAD), answer(0), answer(EPERM)]
    refused = [numbers[column] for numbers in REFUSED.values()]
    return [
        load(4),
        equal(architecture, 1),
        (0x05, 0, 0, 1),
        answer(EPERM),
        load(0),
        # The other numbering of x86-64, x32.
        (0x35, 0, 1, 0x40000000),
        answer(EPERM),
        *(each for number in refused for each in (equal(number or 0, 1), answer(EPERM))),
        equal(CLONE[column], len(of_threads)),
        *of_threads,
        # The C library then uses clone.
        equal(CLONE3[column], 1),
        answer(ENOSYS),
        *only(KILL, process),
        *only(TKILL, process),
        *only(TGKILL, process),
        *only(PRLIMIT, 0, process),
        *only(PRCTL, PR_SET_PDEATHSIG, allow=False),
        answer(0),
    ]


def present(paths: Iterable[Path]) -> list[Path]:
    """Those of some paths that are there, each with what it is a link to."""
    there = [path for path in paths if path.exists()]
    return list(dict.fromkeys([*there, *(path.resolve() for path in there)]))
