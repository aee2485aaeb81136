"""What an installation decides: the one list of settings, with where each comes from and what it is for.

An environment variable (`BATON_TIMEZONE`) wins over the file (`timezone:`), that over the default here. The file is
named by `BATON_SETTINGS_FILE`; without it, it is `config/baton.yaml` below Airflow's home, if there is one. Paths in it
are relative to its folder. `python -m baton.settings_command` prints all of it, as `./baton settings` does.

Not here: addresses, keys and credentials. Those are Airflow connections, and Secrets of the stages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from baton.data_file import read_data
from baton.exceptions import PermanentError
from kubernetes_values import LABEL

PREFIX = "BATON_"
FILE_VARIABLE = "BATON_SETTINGS_FILE"
DAG_GROUPS = ("backups", "cronjobs", "etl", "functions", "incidents", "jobs", "maintenance", "reports")


class SettingsError(PermanentError):
    """A setting cannot be used; the message names each that is wrong, where it comes from, and what is wanted."""


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone: use a name as Europe/Prague or UTC")
    return name


def _kubernetes_name(name: str) -> str:
    if not LABEL.fits(name):
        raise ValueError(f"{name!r} is no name of Kubernetes: lower case letters, digits and '-', at most 63")
    return name


def _words(value: Any) -> Any:
    """Read a list from a text as it stands in a variable: `reports, functions`."""
    return [word for word in re.split(r"[\s,]+", value) if word] if isinstance(value, str) else value


def _groups(names: list[str]) -> list[str]:
    if unknown := sorted(set(names) - set(DAG_GROUPS)):
        raise ValueError(f"{', '.join(unknown)}: groups are {', '.join(DAG_GROUPS)}")
    return names


def _absolute(path: Path) -> Path:
    return path.absolute()


Name = Annotated[str, AfterValidator(_kubernetes_name)]
Names = Annotated[list[Name], NoDecode, BeforeValidator(_words)]
Groups = Annotated[list[str], NoDecode, BeforeValidator(_words), AfterValidator(_groups)]
File = Annotated[Path, AfterValidator(_absolute)]


class _FileSource(PydanticBaseSettingsSource):
    """The settings file, whose relative paths begin at its folder."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Unused: `__call__` gives all values at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        file = settings_file()
        return {name: _from_folder(file, name, value) for name, value in read_file(file).items()} if file else {}


def _from_folder(file: Path, name: str, value: Any) -> Any:
    field = Settings.model_fields.get(name)
    is_path = field is not None and field.annotation == File | None
    return (file.parent / value).resolve() if is_path and isinstance(value, str) else value


class Settings(BaseSettings):
    """All settings. The description of each says what it is for."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC", description="Zone of the DAGs' schedules and of a run's day"
    )
    exchange: str = Field(
        "XFRA", pattern=r"^[A-Z0-9]{4}$", description="Exchange at whose close the books are reconciled (ISO 10383)"
    )
    owner: str = Field("data-platform", min_length=1, description="Owner of the DAGs, as Airflow shows it")
    left_out_dags: Groups = Field(
        default_factory=list, description=f"Groups of DAGs that are not shown: {', '.join(DAG_GROUPS)}"
    )
    data_folder: File | None = Field(
        None, description="Folder of what people edit: alerts, policies, rules, recipients, job templates"
    )
    policies_folder: File | None = Field(
        None, description="Anonymisation policies; default: etl/policies in the data folder"
    )
    job_templates: File | None = Field(
        None, description="Named job templates; default: manifests/job_templates in data_folder"
    )
    namespace: Name = Field("baton", description="Namespace in which pods and Jobs run")
    workloads_image: str = Field(
        "baton-workloads:latest", min_length=1, description="Image of the workloads; on a cluster with its registry"
    )
    sidecar_image: str | None = Field(
        None, min_length=1, description="Image of the side-car that keeps a pod's result; default: workloads_image"
    )
    fs_group: PositiveInt | None = Field(
        None, description="Group that owns the files of pods' volumes; a claim may need it to be written to"
    )
    pod_schedule_seconds: PositiveInt = Field(600, description="How long a pod may wait for a node with room")
    pod_start_seconds: PositiveInt = Field(
        300, description="How long a pod with a node may take until it runs: images pulled, volumes mounted"
    )
    logs_claim: Name = Field("logs", description="Volume claim with the log files that rotate_logs moves away")
    jobs_uri: str = Field(
        "s3://jobs", pattern=r"^(s3|file)://", description="Where the results of jobs' steps are kept"
    )
    reports_uri: str = Field("s3://reports", pattern=r"^(s3|file)://", description="Where reports' files are kept")
    diagnostics_namespaces: Names = Field(
        default_factory=list, description="Namespaces that diagnostics and healing may look into; default: namespace"
    )
    alerts_credentials: File | None = Field(None, description="File of the alert senders; without it nobody may send")
    alerts_routes: File | None = Field(None, description="Routes of alerts; default: alerts/routes.yaml in data_folder")
    alerts_senders: File | None = Field(
        None, description="Folder of mappings for senders of other forms; default: alerts/senders in data_folder"
    )
    alerts_max_body_bytes: PositiveInt = Field(4 << 20, description="Largest body of an alert post")
    alerts_retention_days: PositiveInt = Field(30, description="Days for which a decision about an alert is kept")
    careful_triggerer: bool = Field(
        False,
        description="Replace the triggerer's side of the database by one that ends the Job or pod of a task which was "
        "marked or cleared while no trigger ran for it",
    )
    fair_queues: bool = Field(
        False, description="Let Airflow's scheduler keep the shares of the queues critical, default and low"
    )
    prompt_triggerer: bool = Field(
        False, description="Replace Airflow's triggerer loop by one that hands finished triggers over at once"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the file; no .env, no secrets folder."""
        return env_settings, _FileSource(settings_cls)

    def data(self, *parts: str) -> Path:
        """A file or folder of what people edit.

        :raises SettingsError: `data_folder` is not set.
        """
        if self.data_folder is None:
            raise SettingsError(f"data_folder is not set: it is needed for {'/'.join(parts)} (BATON_DATA_FOLDER)")
        return self.data_folder.joinpath(*parts)


def settings_file() -> Path | None:
    """The file that is read, None if there is none.

    :raises SettingsError: one is named, but not there.
    """
    if named := os.environ.get(FILE_VARIABLE):
        if not Path(named).is_file():
            raise SettingsError(f"{FILE_VARIABLE}: there is no file {named}")
        return Path(named).resolve()
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    usual = home / "config" / "baton.yaml"
    return usual.resolve() if usual.is_file() else None


def read_file(file: Path) -> dict[str, Any]:
    """What the settings file says.

    :raises SettingsError: it is no mapping.
    """
    found = read_data(file)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SettingsError(f"{file}: settings are a mapping of name → value")
    return {str(name): value for name, value in found.items()}


def settings() -> Settings:
    """The settings, read again when a variable or the file has changed.

    :raises SettingsError: one is wrong; all that are wrong are named.
    """
    file = settings_file()
    variables = tuple(os.environ.get(PREFIX + name.upper()) for name in Settings.model_fields)
    return _read(variables, file, file.stat().st_mtime_ns if file else 0)


@lru_cache(maxsize=1)
def _read(*_version: object) -> Settings:
    try:
        return Settings()
    except ValidationError as err:
        raise SettingsError("; ".join(_wrong(err))) from err


def _wrong(err: ValidationError) -> Iterable[str]:
    for problem in err.errors():
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            yield f"{settings_file()}: there is no setting {name}{_similar(name)}"
        else:
            yield f"{name} ({_origin(name)}): {problem['msg'].removeprefix('Value error, ')}"


def _similar(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, Settings.model_fields, 1)
    return f", do you mean {near[0]}?" if near else "; `./baton settings` lists them"


def _origin(name: str) -> str:
    if os.environ.get(PREFIX + name.upper()):
        return PREFIX + name.upper()
    file = settings_file()
    return str(file) if file and name in read_file(file) else "default"


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as it is shown to people.

    :param origin: the variable or the file that it comes from, or `default`.
    """

    name: str
    value: str
    origin: str
    purpose: str


def shown() -> list[Shown]:
    """All settings, in their order."""
    values = settings()
    return [
        Shown(name, _text(getattr(values, name)), _origin(name), field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def _text(value: Any) -> str:
    if value is None or value == []:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
