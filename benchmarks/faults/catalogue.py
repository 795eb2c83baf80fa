"""The list of faults: what happens, when, how it is made, and what is to be said of it."""

import signal

from benchmarks.faults import conditions, damage, making
from benchmarks.faults.conditions import broken_package, dated, mirror, with_variables
from benchmarks.faults.fault import Fault
from benchmarks.faults.making import STAGES, full, killed, under
from benchmarks.faults.store import KILLS, kills

# What a study that is stopped says; a process that is killed says nothing.
SAYS = {
    signal.SIGINT: r"Stopped after \d+ of \d+ jobs: the same command goes on from there",
    signal.SIGTERM: r"Stopped after \d+ of \d+ jobs: the same command goes on from there",
    signal.SIGHUP: "",
    signal.SIGKILL: "",
}
CLOCK = "files, such as .* were dated in the future"
# Bytes that are left of a full disk, where a stage would get by with less than the others need.
FREE = {"download": 16384, "decode": 32768}


FAULTS = [
    *(
        Fault("Signals", f"{number.name} in {stage}", killed(stage, number), says)
        for stage in STAGES
        for number, says in SAYS.items()
    ),
    *(
        Fault(
            "Disk",
            f"disk full in {stage}",
            full(stage, FREE.get(stage, 8192)),
            "No space left on device|database or disk is full",
        )
        for stage in STAGES
    ),
    Fault(
        "Disk",
        "files of 16 KiB at most, in train",
        under(conditions.limited("--fsize=16384"), "train"),
        "File too large",
    ),
    Fault(
        "Disk",
        "results can only be read, in tables",
        under(conditions.read_only, "tables"),
        "Write-protected output files",
    ),
    Fault("Locks", "locks that a killed snakemake left", under(conditions.left_locks, "tables")),
    Fault(
        "Locks",
        "a second study in the same folder",
        making.second_in_folder("--cores", "1"),
        "Another snakemake works in this folder",
    ),
    Fault(
        "Locks",
        "--delete-all-output while it runs",
        making.second_in_folder("--delete-all-output", "--cores", "1"),
        "Another snakemake works in this folder",
    ),
    Fault(
        "Store",
        f"{KILLS} SIGKILL or SIGINT at random moments while MLflow's store is made",
        kills,
        f"{KILLS} kills, .* 0 stuck",
    ),
    Fault("Locks", "two studies make one store at once", making.two_with_one_store),
    Fault(
        "Locks", "the store is locked for 8 s, in track", under(conditions.locked_store, "track")
    ),
    *damage.FAULTS,
    Fault("Clock", "the clock jumps back an hour, in train", under(dated(-3600), "train"), CLOCK),
    Fault("Clock", "the clock jumps back an hour, in tables", under(dated(-3600), "tables"), CLOCK),
    Fault("Clock", "the clock jumps ahead a day, in tables", under(dated(86400), "tables")),
    Fault("Moves", "the folder is moved, before tables", making.moved),
    Fault("Moves", "the folder is copied, before track", making.copied),
    Fault("Moves", "the study is renamed", making.renamed),
    Fault(
        "Moves", "blanks and letters of other scripts in the path", making.elsewhere("ä b 学'习")
    ),
    Fault(
        "Moves",
        "the files are another user's, in tables",
        under(conditions.not_mine, "tables"),
        "cannot be written: it is another user's",
    ),
    Fault(
        "Mirrors",
        "a mirror's folder is not there",
        under(with_variables(MLPLAB_MIRRORS="{place}/nowhere"), "download"),
        "nowhere: could not be reached",
    ),
    Fault("Mirrors", "404", under(mirror("404"), "download"), "answered 404"),
    Fault("Mirrors", "500", under(mirror("500"), "download"), "answered 500"),
    Fault("Mirrors", "503", under(mirror("503"), "download"), "answered 503"),
    Fault("Mirrors", "half a file", under(mirror("half"), "download"), "stopped after"),
    Fault("Mirrors", "a bit of a file", under(mirror("damaged"), "download"), "expected MD5"),
    Fault("Mirrors", "slow", under(mirror("slow"), "download")),
    *(
        Fault(
            "Environment",
            f"{name} cannot be imported",
            under(broken_package(name), "tables"),
            f"(?m)^.*{name}.*its library is gone",
        )
        for name in ("mlflow", "safetensors")
    ),
    Fault(
        "Environment",
        "TMPDIR is not there",
        under(with_variables(TMPDIR="{place}/nowhere"), "download"),
    ),
    Fault(
        "Environment",
        "TMPDIR is full",
        under(conditions.full_temporary_folder, "download"),
    ),
    Fault("Environment", "TMPDIR of 200 letters", under(conditions.long_temporary_folder, "train")),
    Fault(
        "Environment",
        "PYTHONPATH has modules of our names",
        under(conditions.modules_of_our_names, "train"),
    ),
    Fault("Environment", "HOME is not there", under(with_variables(HOME="/nowhere"), "train")),
    Fault("Environment", "no /dev/shm", under(conditions.no_shared_memory, "train")),
    Fault(
        "Environment",
        "32 open files at most",
        under(conditions.limited("--nofile=32"), "train"),
    ),
    Fault(
        "Environment", "256 open files at most", under(conditions.limited("--nofile=256"), "train")
    ),
    Fault("Environment", "few processes", under(conditions.left_by(("--nproc=8",)), "train")),
    Fault(
        "Environment",
        "little memory",
        under(conditions.limited("--data=700000000"), "train"),
        "[Mm]emory",
    ),
    *(
        Fault(
            "Environment", f"LC_ALL={name}", under(with_variables(LC_ALL=name, LANG=name), "train")
        )
        for name in ("C", "POSIX", "xx_XX.UTF-8")
    ),
    Fault(
        "Environment",
        "PYTHONIOENCODING=ascii",
        under(with_variables(PYTHONIOENCODING="ascii"), "train"),
    ),
]
