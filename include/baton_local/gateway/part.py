"""The gateway as a part of the stack."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from baton_local.component import Component, is_healthy
from baton_local.layout import Layout
from baton_local.settings import write_private


@dataclass(frozen=True)
class GatewayPart:
    """The gateway that serves the project's functions."""

    layout: Layout
    port: int
    password: str

    def write_secrets(self, secrets: dict[str, str]) -> None:
        """Put the functions' secrets where they look for them: name → content, one 0600 file each."""
        folder = self.layout.gateway / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, content in secrets.items():
            write_private(folder / name, content)

    def component(self) -> Component:
        """Its process."""
        state, stack_file = self.layout.gateway, self.layout.project / "include" / "functions" / "stack.yaml"
        options = {"--port": self.port, "--queue-file": state / "calls.sqlite", "--secrets": state / "secrets"}
        words = [str(word) for pair in options.items() for word in pair]
        return Component(
            "gateway",
            [sys.executable, "-m", "baton_local.gateway", str(stack_file), *words],
            lambda: is_healthy(self.port),
            {"PYTHONPATH": str(self.layout.project / "include"), "BATON_GATEWAY_PASSWORD": self.password},
        )
