"""Where things are: the project's folders and the state of one stack."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from baton_local.errors import StackError

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Layout:
    """The folders of one checkout. All that a stack writes is below ``state``.

    :param project: the checkout: ``dags/``, ``plugins/``, ``include/``, ``config/``.
    :param state: ports, credentials, databases, logs; 0700. Two checkouts, or two states, run side by side.
    """

    project: Path
    state: Path

    @property
    def logs(self) -> Path:
        """One log file for each component."""
        return self.state / "logs"

    @property
    def run(self) -> Path:
        """Working directories of the components.

        A process whose working directory is below this one belongs to this stack: that is how leftovers of a killed
        stack are found, since process titles and environments can be overwritten by the processes themselves.
        """
        return self.state / "run"

    @property
    def mail(self) -> Path:
        """Messages that the SMTP sink received, one ``.eml`` file each."""
        return self.state / "mail"

    @property
    def slack(self) -> Path:
        """Messages that Slack's stand-in received, one JSON file each."""
        return self.state / "slack"

    @property
    def gateway(self) -> Path:
        """The functions' gateway: its queue of calls, and the functions' secrets."""
        return self.state / "gateway"

    @property
    def airflow_home(self) -> Path:
        """Airflow's home: its task logs and password file."""
        return self.state / "airflow"

    @property
    def kubernetes(self) -> Path:
        """The local Kubernetes' objects, keys and pod logs."""
        return self.state / "kubernetes"

    @property
    def kubeconfig(self) -> Path:
        """How clients reach the local Kubernetes."""
        return self.kubernetes / "kubeconfig"

    def make(self) -> None:
        """Create the state folders, closed to other users.

        :raises StackError: the folder cannot be written.
        """
        folders = (
            self.state,
            self.logs,
            self.run,
            self.mail,
            self.slack,
            self.gateway,
            self.airflow_home,
            self.kubernetes,
        )
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.state.chmod(0o700)
        except OSError as err:
            raise StackError(
                f"cannot write the stack's state below {self.state}: {err.strerror}. "
                "Give yourself write permission there, free some space, or name another folder in BATON_STATE_DIR."
            ) from err


def current_layout() -> Layout:
    """The layout of this checkout; ``BATON_STATE_DIR`` moves its state elsewhere."""
    state = os.environ.get("BATON_STATE_DIR")
    return Layout(project=PROJECT, state=Path(state).expanduser().resolve() if state else PROJECT / ".baton")
