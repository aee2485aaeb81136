"""Validate: prove, for a whole run, that the warehouse holds what the snapshot held, and nothing that the policies
hide."""

import time
from typing import Any

from baton_workloads.environment import required
from baton_workloads.errors import DataError
from baton_workloads.etl import checks, leaked_values, manifest, masked_columns, row_comparison
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.validated_dataset import ValidatedDataset
from baton_workloads.etl.warehouses.base import Reading
from baton_workloads.etl.warehouses.by_address import warehouse_for
from baton_workloads.progress import say


def validate(uris: list[str], policies: dict[str, Policy]) -> dict[str, Any]:
    """Check all datasets of a run.

    A dataset for which the warehouse holds a newer snapshot is reported as superseded and not looked at.

    :raises DataError: listing every check that failed, by dataset and column.
    """
    started = time.monotonic()
    subjects = [_subject(uri, policies) for uri in uris]
    run_key = _one_run(subjects)
    report: dict[str, dict[str, Any]] = {}
    failures: list[str] = []
    with warehouse_for(required("BATON_WAREHOUSE_DSN")).reading() as warehouse:
        superseded = {s.made.dataset for s in subjects if _superseded(warehouse, s)}
        present = {s.made.dataset: s for s in subjects if s.made.dataset not in superseded}
        strays = leaked_values.search(present.values())
        for subject in subjects:
            if subject.made.dataset in superseded:
                report[subject.made.dataset] = {"rows": subject.made.rows, "checks": [], "superseded": True}
                continue
            report[subject.made.dataset], failed = _checked(warehouse, subject, present)
            for check in strays.get(subject.made.dataset, []):
                if check.passed:
                    report[subject.made.dataset]["checks"].append(check.what)
                else:
                    failed.append(check.what + check.detail)
            failures += [f"{subject.made.dataset}: {failure}" for failure in failed]
    if failures:
        raise DataError(f"{len(failures)} checks failed: {'; '.join(failures)}")
    return {
        "stage": "validate",
        "run_key": run_key,
        "datasets": report,
        "seconds": round(time.monotonic() - started, 3),
    }


def _subject(uri: str, policies: dict[str, Policy]) -> ValidatedDataset:
    made, digest = manifest.read(uri, "transform")
    if made.parent is None:
        raise DataError(f"{uri} names no raw manifest; run the transform again")
    raw, raw_digest = manifest.read(made.parent.uri, "export")
    policy = policies.get(made.dataset)
    if policy is None or policy.digest != made.policy_digest:
        raise DataError(
            f"dataset {made.dataset} was made with another policy than the present one; run the transform again"
        )
    if raw_digest != made.parent.sha256:
        raise DataError(f"{made.parent.uri} changed after the transform of {made.dataset}; run the transform again")
    return ValidatedDataset(made.parent.uri, raw, uri, made, digest, policy)


def _one_run(subjects: list[ValidatedDataset]) -> str:
    """All datasets must come from one snapshot, and their pseudonyms from one key, or they do not join."""
    for what, found in (
        ("run keys", {s.made.run_key for s in subjects}),
        ("snapshots", {s.made.snapshot.id for s in subjects}),
        ("pseudonym keys", {s.made.key_fingerprint for s in subjects if s.made.key_fingerprint}),
    ):
        if len(found) > 1:
            raise DataError(
                f"the manifests are of {len(found)} {what}: {', '.join(sorted(found))}; run the chain again"
            )
    return subjects[0].made.run_key


def _superseded(warehouse: Reading, subject: ValidatedDataset) -> bool:
    """Say whether a newer load took this one's place.

    :raises DataError: it was never loaded, or its table is gone.
    """
    name = subject.made.dataset
    entry = warehouse.entry(name)
    if entry is None or not entry.in_place:
        raise DataError(f"dataset {name} is not in the warehouse; run its load")
    if entry.manifest_digest == subject.digest:
        return False
    if entry.snapshot.position() > subject.made.snapshot.position():
        say(f"validate {name}: the warehouse holds a newer snapshot; not checked")
        return True
    raise DataError(f"dataset {name}: the warehouse holds another manifest than this run's; run its load")


def _checked(
    warehouse: Reading, subject: ValidatedDataset, present: dict[str, ValidatedDataset]
) -> tuple[dict[str, Any], list[str]]:
    """Run all checks of one dataset.

    :returns: what passed, with the seconds that the comparison of values took, and what failed, in words.
    """
    tables = {name: other.made.target for name, other in present.items()}
    policies = {name: other.policy for name, other in present.items()}
    shape, rules = checks.rows_and_rules(warehouse, subject.raw, subject.made, subject.policy)
    results = [
        *shape,
        *rules,
        *checks.unique_keys(warehouse, subject.made, subject.policy),
        *checks.foreign_keys(warehouse, subject.made, subject.policy, policies, tables),
    ]
    formed = all(result.passed for result in results)
    started = time.monotonic()
    if all(result.passed for result in shape):  # else rows have no counterparts, and the failure is named already
        manifests = {subject.raw_uri: subject.raw, subject.made_uri: subject.made}
        results += row_comparison.unchanged(warehouse, manifests, subject.policy)
    seconds = round(time.monotonic() - started, 3)
    if formed:  # else a masked column may hold anything, and there is a failure to report already
        results += masked_columns.absent(warehouse, subject.raw_uri, subject.raw, subject.made, subject.policy)
    failed = [r.what + r.detail for r in results if not r.passed]
    report = {"rows": subject.made.rows, "checks": [r.what for r in results if r.passed], "value_seconds": seconds}
    return report, failed
