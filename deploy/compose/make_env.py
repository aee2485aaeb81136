"""Write `.env` for docker compose: ports, and a random value for each secret. Needs only the standard library.

Usage: ``python3 deploy/compose/make_env.py``; an existing `.env` is never changed.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def generate(template: str) -> str:
    """Fill each empty value of `.env.example`; the others are defaults and stay.

    What is made depends on the name: Fernet keys have a form of their own, all else is 32 random bytes in hex.
    """
    return re.sub(r"^(\w+)=$", lambda match: f"{match[1]}={_secret(match[1])}", template, flags=re.MULTILINE)


def _secret(name: str) -> str:
    if name == "AIRFLOW_FERNET_KEY":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    if re.fullmatch(r"S3_\w+_KEY", name):
        return secrets.token_hex(10).upper()
    return secrets.token_hex(32)


def main() -> int:
    """Make `.env`, readable by its owner only."""
    target = ROOT / ".env"
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"error: {target} exists; delete it to get new secrets (and the volumes, which hold the old ones)")
        return 1
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(generate((ROOT / ".env.example").read_text(encoding="utf-8")))
    print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
