"""A container's own mount tree: this machine's files, with the pod's volumes where the pod wants them.

The root is a tmpfs with the host's top directories bound into it. A mount path that the host has is simply covered;
one that it has not is made in the tmpfs, so nothing is left on the host. When its parent is a host directory
(``/etc/tool/config``), that directory is opened up: made in the tmpfs, with the host's entries bound into it one
by one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import NamedTuple

from . import syscalls as sc

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_OWN_TREES = frozenset({"/dev"})


class Bind(NamedTuple):
    """Something of the host shown at a path of the container. ``source`` is a directory or a file."""

    source: str
    target: str
    read_only: bool = False


def enter(place: str, binds: list[Bind], host_name: str, *, own_pids: bool, read_only: bool = False) -> None:
    """Move this process into a mount tree of its own.

    :param place: an empty directory to build the tree on.
    :param own_pids: this process belongs to a process tree of its own, which its ``/proc`` shall show.
    :param read_only: nothing but the volumes can be written.
    :raises OSError: the kernel or a policy of this machine does not allow it.
    """
    sc.unshare(sc.NEW_MOUNTS | sc.NEW_HOST_NAME)
    sc.mount(None, "/", None, sc.RECURSIVE | sc.PRIVATE)
    sc.set_host_name(host_name)
    build(place, binds, _OWN_TREES | {"/proc"} if own_pids else _OWN_TREES, read_only=read_only)
    sc.change_root(place)


def build(place: str, binds: Iterable[Bind], own_trees: frozenset[str], *, read_only: bool = False) -> None:
    """Lay out the tree at ``place``; volumes are bound last, parents before children.

    :param own_trees: directories that are not the host's: ``/dev``, ``/proc``.
    """
    wanted = sorted((_resolved(bind) for bind in binds), key=lambda bind: bind.target.count("/"))
    opened = opened_directories([bind.target for bind in wanted])
    sc.mount("tmpfs", place, "tmpfs", sc.NO_SUID, "mode=755")
    _fill("/", place, opened, own_trees)
    if "/proc" in own_trees:
        sc.mount("proc", f"{place}/proc", "proc", sc.NO_SUID | sc.NO_DEVICES | sc.NO_EXEC)
    _make_devices(f"{place}/dev")
    for bind in wanted:
        _make_volume_point(place, bind)
    if read_only:
        _close(place)
    for bind in wanted:
        _bind_volume(place, bind)


def _resolved(bind: Bind) -> Bind:
    # /var/run/x is /run/x where /var/run is a link; the tree has the same links as the host.
    return Bind(bind.source, os.path.realpath(bind.target), bind.read_only)


def opened_directories(targets: Iterable[str]) -> frozenset[str]:
    """The host's directories in which a mount point has to be made, and all directories above them."""
    opened: set[str] = set()
    volumes: list[str] = []
    for target in targets:
        inside_volume = any(target.startswith(volume.rstrip("/") + "/") for volume in volumes)
        volumes.append(target)
        if inside_volume or os.path.lexists(target):
            continue
        parent = os.path.dirname(target)
        while not os.path.lexists(parent):
            parent = os.path.dirname(parent)
        while parent != "/":
            opened.add(parent)
            parent = os.path.dirname(parent)
    return frozenset(opened)


def _fill(host: str, new: str, opened: frozenset[str], own_trees: frozenset[str]) -> None:
    for entry in os.scandir(host):
        target = f"{new}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif entry.path in opened:
            os.mkdir(target)
            os.chmod(target, stat.S_IMODE(entry.stat().st_mode))
            if entry.path not in own_trees:
                _fill(entry.path, target, opened, own_trees)
        elif entry.path in own_trees:
            os.mkdir(target)
        else:
            _show(entry.path, target, is_directory=entry.is_dir())


def _show(source: str, target: str, *, is_directory: bool) -> None:
    _make_point(target, is_directory=is_directory)
    try:
        sc.mount(source, target, None, sc.BIND | sc.RECURSIVE)
    except OSError:
        # What this user may not see stays an empty entry: a socket of another user, a stale network mount.
        return


def _make_point(target: str, *, is_directory: bool) -> None:
    if is_directory:
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def _make_devices(directory: str) -> None:
    for name in _DEVICES:
        if os.path.exists(f"/dev/{name}"):
            _show(f"/dev/{name}", f"{directory}/{name}", is_directory=False)
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"{directory}/{name}")
    _show("/dev/pts", f"{directory}/pts", is_directory=True)
    os.mkdir(f"{directory}/shm")
    sc.mount("tmpfs", f"{directory}/shm", "tmpfs", sc.NO_SUID | sc.NO_DEVICES, "mode=1777")


def _make_volume_point(place: str, bind: Bind) -> None:
    target = place + bind.target
    if not os.path.lexists(target):
        _make_point(target, is_directory=os.path.isdir(bind.source))


def _close(place: str) -> None:
    """Make all that is mounted below a place read-only, the host's own mounts among it; devices stay."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
        points = [line.split()[1].encode().decode("unicode_escape") for line in file]
    inside = [point for point in points if point == place or point.startswith(f"{place}/")]
    for point in inside:
        if not point.startswith((f"{place}/dev/", f"{place}/proc")):
            sc.mount(None, point, None, sc.REMOUNT | sc.BIND | sc.READ_ONLY | _locked_flags(point))


def _bind_volume(place: str, bind: Bind) -> None:
    target = place + bind.target
    _make_volume_point(place, bind)  # once more: a volume that has been bound meanwhile may hide it
    sc.mount(bind.source, target, None, sc.BIND | sc.RECURSIVE)
    if bind.read_only:
        sc.mount(None, target, None, sc.REMOUNT | sc.BIND | sc.READ_ONLY | _locked_flags(target))


def _locked_flags(path: str) -> int:
    # In a user namespace a remount has to repeat what the host's mount already forbids.
    have = os.statvfs(path).f_flag
    pairs = ((os.ST_NOSUID, sc.NO_SUID), (os.ST_NODEV, sc.NO_DEVICES), (os.ST_NOEXEC, sc.NO_EXEC))
    return sum(flag for present, flag in pairs if have & present)
