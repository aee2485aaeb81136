"""How pods run: a forker makes one shim a container; the shim outlives the server and keeps log and exit code.

``forker``, ``shim``, ``root``, ``syscalls`` and ``enter`` run in processes of their own and use the standard library
only, so that a container starts in milliseconds and a shim stays small.
"""
