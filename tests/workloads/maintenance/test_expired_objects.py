"""Clean-ups of report files: age, protection, limits that hold over kills."""

import os
import secrets
import time
from pathlib import Path
from typing import Any

import pytest
from tests.workloads.maintenance.shops import Shop
from tests.workloads.waiting import until

from baton_workloads.storage.s3 import S3Store

DELETE = ("delete-report-files", "--run", "r1")
DAY = 24 * 3600


@pytest.fixture
def reports(shop: Shop, tmp_path: Path) -> Path:
    """A folder of reports that the shop's clean-up works on."""
    shop.more["BATON_REPORTS_URI"] = f"file://{tmp_path}/reports"
    return tmp_path / "reports"


def write(folder: Path, name: str, age_days: float = 100) -> None:
    """Write a report of some age."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("report")
    os.utime(path, (time.time() - age_days * DAY,) * 2)


def names(folder: Path) -> list[str]:
    """Give the names of what is left."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_old_reports_are_deleted_and_protected_ones_stay(shop: Shop, reports: Path) -> None:
    """By age and by name."""
    for name in ("2026/07/a.pdf", "2026/07/b.pdf", "keep/c.pdf", "2025/keep/d.pdf"):
        write(reports, name)
    write(reports, "2026/11/new.pdf", age_days=10)
    result = shop.run(*DELETE).result
    assert (result["deleted"], result["protected"], result["freed_bytes"]) == (2, 2, 12)
    assert names(reports) == ["2025/keep/d.pdf", "2026/11/new.pdf", "keep/c.pdf"]


def test_no_sign_of_a_name_makes_another_file_go(shop: Shop, reports: Path) -> None:
    """An address ends at no # or ? of a name, and a percent sign in it stands for itself."""
    odd = ["a#1.pdf", "a?1.pdf", "new%2Epdf", "keep/ä%20b.pdf"]
    for name in odd:
        write(reports, name)
    for name in ("a", "new.pdf"):
        write(reports, name, age_days=1)
    assert shop.run(*DELETE, "--protect", "keep/ä%20*").result["deleted"] == 3
    assert names(reports) == ["a", "keep/ä%20b.pdf", "new.pdf"]


def test_the_limit_holds_over_tries(shop: Shop, reports: Path) -> None:
    """A dry run takes nothing off it; the second try finds it used up."""
    for number in range(9):
        write(reports, f"{number}.pdf")
    assert shop.run(*DELETE, "--limit", "4", "--dry-run").result["would_delete"] == 4
    first = shop.run(*DELETE, "--limit", "4", "--batch", "3").result
    assert (first["outcome"], first["deleted"], first["left"], len(names(reports))) == ("limit_reached", 4, 5, 5)
    assert shop.run(*DELETE, "--limit", "4").result["deleted"] == 0
    assert len(names(reports)) == 5


def test_killed_between_claim_and_deletion_it_stays_within_its_limit(shop: Shop, reports: Path) -> None:
    """What was claimed and not deleted counts as deleted: less may go, never more."""
    for number in range(9):
        write(reports, f"{number}.pdf")
    shop.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
        " IF (NEW.result ->> 'deleted')::int = 6 THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END$$",
        "CREATE TRIGGER slow BEFORE UPDATE ON baton.job_windows FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    process = shop.spawn(*DELETE, "--limit", "7", "--batch", "3")
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    until(lambda: shop.value(asleep) == 1)
    process.kill()
    process.communicate()
    until(lambda: shop.value(asleep) == 0)
    shop.execute("DROP TRIGGER slow ON baton.job_windows")
    assert len(names(reports)) == 6
    assert shop.run(*DELETE, "--limit", "7", "--batch", "3").result["deleted"] == 4
    assert len(names(reports)) == 2


def test_a_tag_protects_an_object(shop: Shop, s3: dict[str, str]) -> None:
    """In a store that has tags; any value but false."""
    client, bucket = s3_client(s3), f"reports-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket)
    for name, tags in {"a": "", "b": "protected=true", "c": "protected=false", "d": "team=x"}.items():
        client.put_object(Bucket=bucket, Key=f"baton/{name}", Body=b"r", Tagging=tags)
    shop.more |= {**s3, "BATON_REPORTS_URI": f"s3://{bucket}/baton"}
    result = shop.run(*DELETE, "--days", "0").result
    left = [item["Key"] for item in client.list_objects_v2(Bucket=bucket)["Contents"]]
    client.close()
    assert (result["deleted"], result["protected"], left) == (3, 1, ["baton/b"])


@pytest.mark.parametrize(("more", "most"), [(("--dry-run",), 4), ((), 5)])
def test_tags_are_asked_of_what_the_limit_reaches(
    shop: Shop, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], most: int
) -> None:
    """A request for each object is dear: none for what is too young, protected by its name or beyond the limit."""
    client, bucket = s3_client(s3), f"reports-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket)
    for name in [f"{number:02}" for number in range(30)] + ["keep/x"]:
        tags = "protected=true" if name == "01" else ""
        client.put_object(Bucket=bucket, Key=f"baton/{name}", Body=b"r", Tagging=tags)
    client.close()
    asked: list[str] = []
    real = S3Store.tags

    def tags_of(store: S3Store, uri: str) -> dict[str, str]:
        asked.append(uri.rsplit("/", 1)[1])
        return real(store, uri)

    monkeypatch.setattr(S3Store, "tags", tags_of)
    shop.more |= {**s3, "BATON_REPORTS_URI": f"s3://{bucket}/baton"}
    result = shop.run(*DELETE, "--days", "0", "--limit", "3", "--batch", "10", *more).result
    assert result.get("would_delete", result.get("deleted")) == 3
    assert result["left"] == (29 if more else 26)
    assert result["protected"] == 2
    assert sorted(asked)[:4] == ["00", "01", "02", "03"]
    assert len(asked) == most
    shop.more["BATON_REPORTS_URI"] = f"s3://{bucket}/baton"
    assert shop.run(*DELETE, "--days", "1").result["deleted"] == 0
    assert len(asked) == most


def s3_client(access: dict[str, str]) -> Any:
    """A client of the test's own."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=access["AWS_ENDPOINT_URL_S3"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
