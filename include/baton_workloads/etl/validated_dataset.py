"""What is validated: one dataset of a run."""

from dataclasses import dataclass

from baton_workloads.etl.manifest import Manifest
from baton_workloads.etl.policy import Policy


@dataclass(frozen=True)
class ValidatedDataset:
    """One dataset of the run: both manifests and the policy that lies between them."""

    raw_uri: str
    raw: Manifest
    made_uri: str
    made: Manifest
    digest: str
    policy: Policy
