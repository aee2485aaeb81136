"""Errors of this machine's own files and disks, told apart from those of whatever is behind a network."""

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from baton_workloads.errors import ConfigurationError, TransientError, WorkloadError

FULL = {errno.ENOSPC, errno.EDQUOT}
# The address or the machine's limits are wrong; the same call fails again.
_PERMANENT = {
    errno.EFBIG,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EINVAL,
}
_NETWORK = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}


@contextmanager
def named_errors(verb: str, uri: str) -> Iterator[None]:
    """Turn what the operating system says of a file into our error. Only the store's own calls belong inside.

    :raises ConfigurationError, TransientError: as :func:`translate` gives them.
    """
    try:
        yield
    except OSError as err:
        raise translate(err, verb, uri) from err


def translate(err: OSError, verb: str, uri: str) -> WorkloadError:
    """Give our error for one of the operating system's.

    :param verb: what was done to ``uri``: ``read``, ``write`` …
    """
    why = err.strerror or type(err).__name__
    if isinstance(err, PermissionError):
        return ConfigurationError(f"may not {verb} {uri}: {why}; give this stage's user the permission")
    if err.errno == errno.EROFS:
        return ConfigurationError(f"could not {verb} {uri}: {why}; mount its volume for writing")
    if err.errno in _PERMANENT:
        return ConfigurationError(f"could not {verb} {uri}: {why}; check the address and this machine's limits")
    if is_full(err):
        return full_disk(f"could not {verb} {uri}", err)
    return TransientError(f"could not {verb} {uri}: {why}")


def is_full(err: OSError) -> bool:
    """Say whether a disk or a quota is full."""
    return err.errno in FULL


def full_disk(doing: str, err: OSError) -> TransientError:
    """Give the error for a full disk: which one is known only where the operating system names a file."""
    where = f" at {err.filename}" if isinstance(err.filename, str) else ""
    return TransientError(f"{doing}: the disk is full{where} ({err.strerror}); free some space")


def is_of_network(err: OSError) -> bool:
    """Say whether a connection failed, and not a file of this machine."""
    if isinstance(err, ConnectionError | TimeoutError | ssl.SSLError | socket.gaierror | socket.herror):
        return True
    return err.errno is None or err.errno in _NETWORK
