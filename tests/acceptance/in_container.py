#!/usr/bin/env python3
"""Run a command as an ordinary container would: without CAP_SYS_ADMIN and without user namespaces.

sudo tests/acceptance/in_container.py ./baton demo          as the container's root
sudo tests/acceptance/in_container.py --user ./baton demo   as an ordinary user (id 1000) of the container

How: a user namespace with the first 65,536 users, in which no further user namespace may be made, and a process in it
whose capabilities are those that Docker leaves a container's root.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CAPABILITIES = (
    "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,audit_write,"
    "setfcap"
).split(",")


def allowed() -> str:
    """The capabilities as setpriv takes them."""
    return ",".join(["-all", *(f"+{name}" for name in CAPABILITIES)])


def enter(command: list[str], ready: int, mapped: int) -> None:
    """In the child: make the namespace, wait until its users are mapped, limit it, run the command."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a user namespace")
    os.write(ready, b".")
    os.read(mapped, 1)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    os.execvp("setpriv", ["setpriv", *command])


def main() -> int:
    """Run it; returns the command's exit code."""
    arguments = sys.argv[1:]
    become = [f"--bounding-set={allowed()}", "--inh-caps=-all"]
    if arguments[:1] == ["--user"]:
        arguments = arguments[1:]
        become = ["--reuid=1000", "--regid=1000", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    if not arguments or os.geteuid() != 0:
        print(__doc__, file=sys.stderr)
        return 2
    ready, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        enter([*become, "--", *arguments], ready[1], mapped[0])
    os.read(ready[0], 1)
    for kind in ("uid_map", "gid_map"):
        Path(f"/proc/{child}/{kind}").write_text("0 0 65536\n")
    os.write(mapped[1], b".")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) % 256


if __name__ == "__main__":
    sys.exit(main())
