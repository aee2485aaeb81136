"""`./baton import`: what becomes of CronJobs as DAGs, field by field; what could be chained; what the cluster has.

Exit codes: 0 all of it can be used, 1 something has to be mended (or, with --check, differs in the cluster), 2 nothing
could be looked at: no file, no cluster, wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from baton.command_line import run
from baton.cronjobs.catalogue import Catalogue, catalogue_of
from baton.cronjobs.importing.cluster import Cluster, ClusterError
from baton.cronjobs.importing.files import write_manifests
from baton.cronjobs.importing.needs import missing
from baton.cronjobs.importing.report import Report, as_json, as_text
from baton.cronjobs.manifests.files import Found, read_manifests
from baton.cronjobs.proposals.propose import propose

FINE, TO_MEND, NOTHING_SEEN = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _options(arguments)
    try:
        report = _report(options)
    except ClusterError as err:
        print(f"baton import: {err}", file=sys.stderr)
        return NOTHING_SEEN
    if options.images:
        print("\n".join(sorted({image for job in report.catalogue.cronjobs.values() for image in job.images})))
        return FINE
    print(json.dumps(as_json(report), indent=2) if options.json else as_text(report, every_field=options.all))
    if not report.catalogue.files and not options.from_cluster:
        print("baton import: there are no manifests (*.yaml, *.yml, *.json) at these paths", file=sys.stderr)
        return NOTHING_SEEN
    return TO_MEND if report.catalogue.problems or any(report.drift.values()) else FINE


def _report(options: argparse.Namespace) -> Report:
    paths = [path.absolute() if path.is_absolute() else path for path in options.paths]
    asks = options.from_cluster or options.check or options.needs
    cluster = Cluster(options.kubeconfig, options.context) if asks else None
    found = read_manifests(paths) if paths else Found()
    live = cluster.cronjobs(options.namespace) if cluster and options.from_cluster else []
    if options.write:
        written, kept = write_manifests(live, options.write)
        print(f"baton import: {len(written)} files written to {options.write}", file=sys.stderr)
        for file in kept:
            print(f"baton import: {file} is there already and was left as it is", file=sys.stderr)
    if not options.check:
        found.manifests += live
    catalogue = catalogue_of(found, [path for path in paths if path.is_dir()])
    report = Report(catalogue)
    history = cluster.history(options.namespace) if cluster and options.from_cluster else {}
    report.proposals = propose(catalogue, history)
    if cluster and found.manifests and (options.check or options.needs):
        from baton.defaults import NAMESPACE  # imports Airflow, which takes a second

        cronjobs = [job for job in catalogue.cronjobs.values() if not job.manifest.file.startswith("cluster:")]
        report.missing = missing(cronjobs, options.namespace or NAMESPACE, cache(cluster.has))
    if cluster and options.check:
        report.drift, report.only_in_files = _drift(cluster, catalogue, options.namespace)
    return report


def _drift(cluster: Cluster, catalogue: Catalogue, namespace: str | None) -> tuple[dict[str, list[str]], list[str]]:
    """For each CronJob that is in the cluster too, what differs there."""
    drift: dict[str, list[str]] = {}
    missing = []
    for key, cronjob in catalogue.cronjobs.items():
        differences = cluster.differences(cronjob.manifest, namespace)
        if differences is None:
            missing.append(key)
        else:
            drift[key] = differences
    return drift, missing


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="./baton import", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="manifest files, or folders with them")
    parser.add_argument("--from-cluster", action="store_true", help="look at the CronJobs in the cluster too")
    parser.add_argument(
        "--namespace",
        "-n",
        help="only this namespace of the cluster; with --check, that of files without one (default: default)",
    )
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the cluster's CronJobs there, a file each")
    parser.add_argument("--check", action="store_true", help="fail if the cluster's CronJobs differ from the files")
    parser.add_argument("--needs", action="store_true", help="also say what the CronJobs need in the cluster and lack")
    parser.add_argument("--images", action="store_true", help="print the images that the CronJobs use, nothing else")
    parser.add_argument("--json", action="store_true", help="print JSON, every field included")
    parser.add_argument("--all", "-a", action="store_true", help="print every field, also what is simply kept")
    parser.add_argument("--kubeconfig", help="default: $KUBECONFIG, ~/.kube/config, or the pod's own account")
    parser.add_argument("--context", help="a context of the kubeconfig other than its current one")
    options = parser.parse_args(arguments)
    if not options.paths and (options.check or options.needs or not options.from_cluster):
        parser.error("give files or folders" + ("" if options.check else ", or --from-cluster"))
    if options.write and not options.from_cluster:
        parser.error("--write needs --from-cluster")
    return options


if __name__ == "__main__":
    run(main)
