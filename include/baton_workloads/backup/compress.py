"""A filter between a program and its archive: zstd, in a process of its own so that it works beside the encryption.

``python -m baton_workloads.backup.compress``: standard input to standard output; how many bytes came in is the last
line of standard error.
"""

import sys

import zstandard

LEVEL = 3  # zstd's own default
BLOCK_BYTES = 1 << 20


def compressor() -> zstandard.ZstdCompressor:
    """Give what every archive is compressed with."""
    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)


def main() -> None:
    """Compress until the input ends."""
    with open(0, "rb", buffering=0) as source, open(1, "wb", buffering=BLOCK_BYTES) as target:
        read, _ = compressor().copy_stream(source, target, read_size=BLOCK_BYTES, write_size=BLOCK_BYTES)
    print(read, file=sys.stderr)


if __name__ == "__main__":
    main()
