"""A Slurm that keeps accounts: slurmdbd, and a MariaDB of its own, beside the other daemons."""

import contextlib
import secrets
import subprocess
from pathlib import Path

from services.loopback import free_ports, wait_for
from services.slurm import PROGRAMS, Slurm

ACCOUNT = "lab"
CONFIGURATION = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm_acct_db
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
"""


class AccountingSlurm(Slurm):
    """A cluster on which `sacct` knows of every job, and jobs are charged to an account."""

    programs = (*PROGRAMS, "mariadbd", "mariadb-install-db", "mariadb", "slurmdbd", "sacctmgr")

    def __init__(self, folder: Path) -> None:
        self._port, self._database_port = free_ports(2)
        super().__init__(folder)
        self._password = secrets.token_hex(16)

    def accounting(self) -> str:
        """The lines of the configuration that say what keeps the accounts: slurmdbd."""
        return "\n".join(
            [
                "AccountingStorageType=accounting_storage/slurmdbd",
                "AccountingStorageHost=127.0.0.1",
                f"AccountingStoragePort={self._port}",
                f"AccountingStoragePass={self.folder}/munge.socket",
            ]
        )

    def start(self) -> None:
        """Start what keeps the accounts, make one, then start all the rest."""
        self.start_munge()
        self._start_database()
        self._start_keeper()
        self.run("sacctmgr", "--immediate", "add", "cluster", "test")
        self.run("sacctmgr", "--immediate", "add", "account", ACCOUNT)
        self.run("sacctmgr", "--immediate", "add", "user", "root", f"account={ACCOUNT}")
        self.start_cluster()

    def _start_database(self) -> None:
        data = self.folder / "mariadb"
        options = ("--no-defaults", "--user=root", f"--datadir={data}")
        authentication = "--auth-root-authentication-method=normal"
        self.run("mariadb-install-db", *options, authentication, "--skip-test-db")
        self._start(
            "mariadbd",
            "mariadbd",
            *options,
            f"--socket={self.folder}/mariadb.socket",
            f"--pid-file={self.folder}/mariadb.pid",
            "--bind-address=127.0.0.1",
            f"--port={self._database_port}",
            "--innodb-buffer-pool-size=64M",
        )
        wait_for(lambda: self._sql("SELECT 1"), 30, "MariaDB")
        user = "slurm@127.0.0.1"
        assert self._sql(
            f"CREATE DATABASE slurm_acct_db; CREATE USER {user} IDENTIFIED BY '{self._password}'; "
            f"GRANT ALL ON slurm_acct_db.* TO {user}"
        )

    def _sql(self, statements: str) -> bool:
        command = ["mariadb", "--no-defaults", "--user=root", f"--execute={statements}"]
        with contextlib.suppress(subprocess.SubprocessError):
            self.run(*command, f"--socket={self.folder}/mariadb.socket")
            return True
        return False

    def _start_keeper(self) -> None:
        configuration = self.folder / "slurmdbd.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                port=self._port,
                database_port=self._database_port,
                password=self._password,
            )
        )
        self._start("slurmdbd", "slurmdbd", "-D")

        def answers() -> bool:
            with contextlib.suppress(subprocess.SubprocessError):
                self.run("sacctmgr", "--noheader", "list", "cluster")
                return True
            return False

        wait_for(answers, 60, "slurmdbd")

    def accounts(self) -> list[tuple[str, str]]:
        """What sacct says of each job that there was: the account and how it ended."""
        what = ("--allocations", "--duplicates", "--format=account,state%20")
        lines = self.run("sacct", "--noheader", "--parsable2", *what).splitlines()
        return [(account, state) for account, state in (line.split("|") for line in lines)]
