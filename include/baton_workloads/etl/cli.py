"""The command line of the warehouse chain. Stages import what they need when they run: small ones start fast."""

import io
import sys
from pathlib import Path
from typing import Any

import click

from baton_workloads import result
from baton_workloads.etl.without_pandas import without_pandas

POLICIES = click.option("--policies", metavar="DIR|FILE", help="Policies; without it, the variable BATON_POLICIES.")


@click.group()
def etl() -> None:
    """The warehouse chain: export, transform, load, validate, purge-raw."""
    click.get_current_context().with_resource(without_pandas())


@etl.command("export")
@click.option("--run-key", required=True, help="The logical day, for example 2026-11-22.")
@POLICIES
def export_command(run_key: str, policies: str | None) -> None:
    """Export all datasets of one snapshot of BATON_SOURCE_DSN to BATON_RAW_URI."""
    from baton_workloads.etl.export import export
    from baton_workloads.etl.policy import load

    result.emit(export(run_key, load(policies)))


@etl.command("transform")
@click.option("--manifest", required=True, help="Address of a raw manifest.")
@POLICIES
def transform_command(manifest: str, policies: str | None) -> None:
    """Apply a dataset's policy to its raw files; write to BATON_PROCESSED_URI."""
    from baton_workloads.etl.policy import load
    from baton_workloads.etl.transform import transform

    result.emit(transform(manifest, load(policies)))


@etl.command("load")
@click.option("--manifest", required=True, help="Address of a processed manifest.")
@click.option("--accept-key-change/--refuse-key-change", help="Replace pseudonyms that were made with another key.")
@click.option("--accept-source-change/--refuse-source-change", help="Replace a snapshot of another source database.")
def load_command(**options: Any) -> None:
    """Replace a dataset's table in BATON_WAREHOUSE_DSN, in one transaction."""
    from baton_workloads.etl.load import load

    uri = options.pop("manifest")
    result.emit(load(uri, **options))


@etl.command("validate")
@click.option("--manifest", "manifests", required=True, multiple=True, help="Processed manifests of one run.")
@POLICIES
def validate_command(manifests: tuple[str, ...], policies: str | None) -> None:
    """Check row counts, keys and every rule from the snapshot to the warehouse."""
    from baton_workloads.etl.policy import load
    from baton_workloads.etl.validate import validate

    result.emit(validate(list(manifests), load(policies)))


@etl.command("purge-raw")
@click.option("--manifest", "manifests", required=True, multiple=True, help="Raw manifests of a validated run.")
def purge_raw_command(manifests: tuple[str, ...]) -> None:
    """Remove raw files of a validated run, and forgotten ones older than a day."""
    from baton_workloads.etl.purge import purge_raw

    result.emit(purge_raw(list(manifests)))


@etl.group("policy")
def policy() -> None:
    """Anonymisation policies."""


@policy.command("init")
@click.option("--source", required=True, envvar="BATON_SOURCE_DSN", help="Address of the source database.")
@click.option(
    "--schema",
    "schemas",
    multiple=True,
    default=["public"],
    show_default=True,
    help="Schema whose tables become datasets; may be given again.",
)
@click.option("--table", "tables", multiple=True, help="Only this table; may be given again. Default: all.")
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Directory.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for programs.")
def policy_init_command(
    source: str, schemas: tuple[str, ...], tables: tuple[str, ...], output: Path, *, as_json: bool
) -> None:
    """Write a first policy for each table, with nothing suspicious kept."""
    from baton_workloads.etl.policy_init import policy_init, summary

    made = policy_init(source, list(schemas), list(tables), output)
    if as_json:
        result.emit(made)
    else:
        click.echo(summary(made, output))


@policy.command("pseudonym")
@click.option("--domain", required=True, help="The domain that the policy names, for example customer.")
def policy_pseudonym_command(domain: str) -> None:
    """Print the pseudonym of each line of standard input, made with BATON_PSEUDONYM_KEY.

    For whoever has to find a person's rows in the warehouse, to correct or delete them. Values come by standard input
    so that they stand in no list of processes and no shell history.
    """
    from baton_workloads.etl.pseudonym import domain_key, pseudonym, secret_key

    key = domain_key(secret_key(), domain)
    for line in io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"):
        click.echo(pseudonym(line.rstrip("\n"), key))
