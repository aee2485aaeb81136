"""Job files become jobs. A file or a document in it that is wrong costs its own jobs, never another's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from baton.cronjobs.manifests.files import Problem, mentions
from baton.cronjobs.manifests.yaml_documents import Document, DocumentError, read_documents, written
from baton.data_file import DataFileError, problem_of_values, read_text
from baton.jobs.expression_checks import expression_problems
from baton.jobs.model.job import Job
from baton.jobs.problems import FieldPath, problems_of
from baton.jobs.scalars import JobLoader

SUFFIXES = (".yaml", ".yml")
EXAMPLES = "examples"


@dataclass(frozen=True, slots=True)
class FiledJob:
    """A job and where it stands.

    :param line: of its document, counted from 1.
    """

    job: Job
    file: Path
    line: int
    document: Document = field(repr=False, compare=False)

    def problem(self, path: FieldPath, message: str) -> Problem:
        """A problem with one of its fields."""
        return Problem(str(self.file), self.document.line(path), written(path), message)


@dataclass
class JobsRead:
    """What some files say.

    :param jobs: by name, in the order of files and lines.
    :param problems: everything that is wrong.
    """

    jobs: dict[str, FiledJob] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_jobs(paths: Iterable[Path], only: str | None = None) -> JobsRead:
    """Read job files, and those in folders. It never raises for what a file says.

    :param only: the one job that is wanted: of files in which its name does not stand nothing is read further.
    """
    read = JobsRead()
    for path in paths:
        for file in sorted(_files(path)) if path.is_dir() else [path]:
            _read_file(file, read, only)
    return read


def _files(folder: Path) -> Iterator[Path]:
    """Yield the job files of a folder and of those in it; hidden ones and those of `examples` have to be named."""
    for file in folder.rglob("*"):
        parts = file.relative_to(folder).parts
        if file.suffix in SUFFIXES and not any(part.startswith(".") or part == EXAMPLES for part in parts):
            yield file


def _read_file(file: Path, read: JobsRead, only: str | None) -> None:
    try:
        text = read_text(file)
    except DataFileError as err:
        read.problems.append(Problem(str(file), None, "", str(err).removeprefix(f"{file} ")))
        return
    if only is not None and not mentions(text, only):
        return
    for document in read_documents(text, JobLoader):
        if isinstance(document, DocumentError):
            read.problems.append(Problem(str(file), document.line, "", str(document)))
        elif only is None or (isinstance(document.content, dict) and document.content.get("name") == only):
            _take(file, document, read)


def _take(file: Path, document: Document, read: JobsRead) -> None:
    job, problems = _job_of(document.content)
    if job is None or problems:
        read.problems += [Problem(str(file), document.line(path), written(path), words) for path, words in problems]
        return
    filed = FiledJob(job, file, document.line(), document)
    if (earlier := read.jobs.get(job.name)) is not None:
        words = f"there is a job {job.name} at {earlier.file}:{earlier.line} already"
        read.problems.append(filed.problem(("name",), words))
        return
    read.jobs[job.name] = filed


def _job_of(content: Any) -> tuple[Job | None, list[tuple[FieldPath, str]]]:
    """The job that a document is, and what is wrong with it."""
    if not isinstance(content, dict):
        return None, [((), "is no job, which is a mapping with name, schedule and steps")]
    if problem := problem_of_values(content):
        return None, [((), problem)]
    try:
        job = Job.model_validate(content)
    except ValidationError as err:
        return None, list(problems_of(err, content))
    return job, list(expression_problems(job))
