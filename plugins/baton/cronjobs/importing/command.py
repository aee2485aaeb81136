"""`./baton import`: what becomes of CronJobs as DAGs, field by field; what could be chained; what the cluster has."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from baton import command_line
from baton.command_line import FINE, NOT_ASKED, WRONG
from baton.cronjobs.importing.cronjob_client import CronJobClient
from baton.cronjobs.importing.crontab import read_crontab
from baton.cronjobs.importing.files import write_manifests
from baton.cronjobs.importing.filling import fill
from baton.cronjobs.importing.foreign_jobs import JobsRead
from baton.cronjobs.importing.mending import Mender
from baton.cronjobs.importing.needs import missing
from baton.cronjobs.importing.report import Report, as_text
from baton.cronjobs.importing.report import as_json as as_json_of
from baton.cronjobs.importing.systemd import read_timers
from baton.cronjobs.loading import LoadedCronJobs, checked_cronjobs
from baton.cronjobs.manifests.files import STANDARD_INPUT, Found, Manifest, Problem, read_manifests, read_text
from baton.cronjobs.proposals.propose import propose

app = command_line.application(None)


@dataclass(frozen=True, slots=True)
class Options:
    """What to look at."""

    paths: list[Path]
    from_cluster: bool
    namespace: str | None
    write: Path | None
    crontab: Path | None
    systemd: Path | None
    image: str | None
    check: bool
    needs: bool
    kubeconfig: str | None
    context: str | None


@app.command()
def import_(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            readable=False,  # what cannot be read is told as anything else that is wrong
            help="Manifest files, or folders with them; - is the standard input.",
            show_default=False,
        ),
    ] = None,
    from_cluster: Annotated[
        bool, typer.Option("--from-cluster", help="Look at the CronJobs in the cluster too.")
    ] = False,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            "-n",
            help="Only this namespace of the cluster; with --check, that of files without one (default: default).",
        ),
    ] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write CronJobs of the cluster, a crontab or timers there.")
    ] = None,
    crontab: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Look at the lines of a crontab, as CronJobs. Needs --image.")
    ] = None,
    systemd: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Look at systemd's timers, as CronJobs. Needs --image.")
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="In which the commands of a crontab or of timers run.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Fail if the cluster's CronJobs differ from the files.")
    ] = False,
    needs: Annotated[
        bool, typer.Option("--needs", help="Also say what the CronJobs need in the cluster and lack.")
    ] = False,
    fix: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write copies there in which what needs no guess is repaired, and show it."
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="With --fix: fill in ${NAME}, <NAME>, {{ NAME }}."),
    ] = None,
    images: Annotated[bool, typer.Option("--images", hidden=True, help="Print the images, nothing else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, every field included.")] = False,
    every_field: Annotated[
        bool, typer.Option("--all", "-a", help="Print every field, also what is simply kept.")
    ] = False,
    kubeconfig: Annotated[
        str | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config, or the pod's own account.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="A context of the kubeconfig other than its current one.")] = None,
) -> None:
    """What becomes of CronJobs as DAGs, field by field; what could be chained; what the cluster has.

    Exit codes: 0 all of it can be used, 1 something has to be fixed (or, with --check, differs in the cluster), 2
    nothing could be looked at: no file, no cluster, wrong words.
    """
    others = [path for path in (crontab, systemd) if path]
    if bool(others) != bool(image):
        raise typer.BadParameter(
            "--crontab and --systemd need --image, in which commands run, and it needs one of them"
        )
    if not paths and not others and (check or needs or not from_cluster):
        raise typer.BadParameter("give files or folders" + ("" if check else ", or --from-cluster"))
    if write and not from_cluster and not others:
        raise typer.BadParameter("--write needs --from-cluster, --crontab or --systemd")
    if values and not fix:
        raise typer.BadParameter("--set needs --fix")
    for path in [*(paths or []), *others]:
        _look_at(path)
    mender = Mender(dict(_value(text) for text in values or [])) if fix else None
    options = Options(
        paths or [], from_cluster, namespace, write, crontab, systemd, image, check, needs, kubeconfig, context
    )
    report = _report(options, mender)
    if mender and fix:
        _show_repairs(mender, fix, to_stderr=as_json)
    if images:
        print("\n".join(sorted({image for job in report.loaded.cronjobs.values() for image in job.images})))
        return
    print(json.dumps(as_json_of(report), indent=2) if as_json else as_text(report, every_field=every_field))
    if not report.loaded.files and not report.loaded.problems and not from_cluster:
        print("baton import: there are no manifests (*.yaml, *.yml, *.json) at these paths", file=sys.stderr)
        raise typer.Exit(NOT_ASKED)
    raise typer.Exit(WRONG if report.loaded.problems or any(report.drift.values()) else FINE)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return command_line.run(app, "import", "baton.cronjobs.importing.command", arguments)


def _look_at(path: Path) -> None:
    """Refuse a path at which nothing is, or nothing that this account may see."""
    try:
        if path != STANDARD_INPUT:
            path.stat()
    except FileNotFoundError as err:
        raise typer.BadParameter(f"{path} does not exist") from err
    except OSError as err:
        raise typer.BadParameter(f"{path} cannot be read: {err.strerror}") from err


def _value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"--set {text}: write NAME=VALUE")
    return name, value


def _show_repairs(mender: Mender, folder: Path, *, to_stderr: bool) -> None:
    """Write the copies and say what was repaired in them; the report that follows is of them, with their lines."""
    stream = sys.stderr if to_stderr else sys.stdout
    try:
        for line in mender.write(folder):
            print(line, file=stream)
    except FileExistsError as err:
        raise typer.BadParameter(f"{err.filename} is there already: name an empty folder") from err
    if not mender.changed:
        print("Nothing was repaired.\n", file=stream)


def _report(options: Options, mender: Mender | None) -> Report:
    paths = [path.absolute() if path.is_absolute() else path for path in options.paths]
    asks = options.from_cluster or options.check or options.needs
    cluster = CronJobClient(options.kubeconfig, options.context) if asks else None
    found = read_manifests(paths, fill, mender.mend if mender else None) if paths else Found()
    live = cluster.cronjobs(options.namespace) if cluster and options.from_cluster else []
    lines = _foreign(options, found)
    if options.write:
        written, kept = write_manifests([*live, *lines], options.write)
        print(f"baton import: {len(written)} files written to {options.write}", file=sys.stderr)
        for file in kept:
            print(f"baton import: {file} is there already and was left as it is", file=sys.stderr)
    found.manifests += lines
    if not options.check:
        found.manifests += live
    loaded = checked_cronjobs(found, [path for path in paths if path.is_dir()])
    report = Report(loaded)
    history = cluster.history(options.namespace) if cluster and options.from_cluster else {}
    report.proposals = propose(loaded, history)
    if cluster and found.manifests and (options.check or options.needs):
        from baton.defaults import NAMESPACE  # imports Airflow, which takes a second

        cronjobs = [job for job in loaded.cronjobs.values() if not job.manifest.file.startswith("cluster:")]
        report.missing = missing(cronjobs, options.namespace or NAMESPACE, cache(cluster.has))
    if cluster and options.check:
        report.drift, report.only_in_files = _drift(cluster, loaded, options.namespace)
    return report


def _foreign(options: Options, found: Found) -> list[Manifest]:
    """The CronJobs of the crontab and of the timers; what is wrong with them becomes a problem."""
    manifests = []
    for read in _read_foreign(options):
        found.files += 1
        if isinstance(read, Problem):
            found.problems.append(read)
        else:
            found.problems += read.problems
            manifests += read.manifests
    return manifests


def _read_foreign(options: Options) -> Iterator[JobsRead | Problem]:
    if options.crontab and options.image:
        text = read_text(options.crontab)
        yield text if isinstance(text, Problem) else read_crontab(options.crontab, text, options.image)
    if options.systemd and options.image:
        yield read_timers(options.systemd, options.image)


def _drift(
    cluster: CronJobClient, loaded: LoadedCronJobs, namespace: str | None
) -> tuple[dict[str, list[str]], list[str]]:
    """For each CronJob that is in the cluster too, what differs there."""
    drift: dict[str, list[str]] = {}
    missing = []
    for key, cronjob in loaded.cronjobs.items():
        differences = cluster.differences(cronjob.manifest, namespace)
        if differences is None:
            missing.append(key)
        else:
            drift[key] = differences
    return drift, missing


if __name__ == "__main__":
    sys.exit(main())
