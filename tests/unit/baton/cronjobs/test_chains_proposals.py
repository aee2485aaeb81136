"""Chains are proposed where one job writes what another reads, at times that fit; nothing is proposed on a guess."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.loading import load_cronjobs
from baton.cronjobs.proposals.evidence import ENOUGH
from baton.cronjobs.proposals.history import PastRun
from baton.cronjobs.proposals.propose import chains_text, propose


def job(name, at="0 1 * * *", *, image="busybox", space=None, **container):
    """The text of a CronJob; `volumes` are its pod's, all else its container's."""
    content = yaml.safe_load(cronjob(name, schedule=at, image=image))
    pod = content["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    if volumes := container.pop("volumes", None):
        pod["volumes"] = volumes
    pod["containers"][0] |= container
    if space:
        content["metadata"]["namespace"] = space
    return yaml.safe_dump(content)


def shell(script):
    return {"command": ["sh", "-c", script]}


def env(**variables):
    return {"env": [{"name": name, "value": value} for name, value in variables.items()]}


def shared(mount="/data", *, read_only=False, **container):
    """A container with a claim that others have, too."""
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "exchange"}}]
    return {"volumes": volumes, "volumeMounts": [{"name": "v", "mountPath": mount, "readOnly": read_only}], **container}


def pairs(folder, history=()):
    return {(each.first.key, each.then.key) for each in propose(load_cronjobs([folder]), dict(history))}


AT1, AT2, AT3 = "0 1 * * *", "0 2 * * *", "0 3 * * *"
SECRET = {"envFrom": [{"secretRef": {"name": "db"}}]}
APP = {"image": "registry/app:1"}

RIGHT = {
    "options": [job("a", AT1, args=["--output", "s3://raw/orders/"]), job("b", AT2, args=["--input=s3://raw/orders/x.csv"])],
    "variables": [job("a", AT1, **env(OUTPUT_PATH="gs://raw/a")), job("b", AT2, **env(SOURCE_URI="gs://raw/a/"))],
    "copies": [job("a", AT1, **shell("pg_dump x > /tmp/d; aws s3 cp /tmp/d s3://dumps/x/$(date +%F)/d")),
               job("b", AT2, **shell("aws s3 sync s3://dumps/x/ /tmp/d && restore /tmp/d"))],
    "a file of a claim": [job("a", AT1, **shared(**shell("export > /data/out/orders.csv"))),
                          job("b", AT2, **shared("/in", **shell("load < /in/out/orders.csv")))],
    "tables": [job("a", AT1, **shell('psql -c "INSERT INTO staging.orders SELECT 1"'), **SECRET),
               job("b", AT2, **shell('psql -c "SELECT * FROM staging.orders"'), **SECRET)],
    "materialized view": [job("a", AT1, **shell('psql -c "REFRESH MATERIALIZED VIEW sales_daily"')),
                          job("b", AT2, **shell('psql -c "COPY sales_daily TO STDOUT"'))],
    "queue": [job("a", AT1, args=["--output-topic", "orders"]), job("b", AT2, args=["--input-topic", "orders"])],
    "buckets by name": [job("a", AT1, **env(TARGET_BUCKET="raw")), job("b", AT2, **env(SOURCE_BUCKET="raw"))],
    "one bucket and stages": [job("shop-extract", AT1, **env(BUCKET="s3://raw")), job("shop-load", AT2, **env(BUCKET="s3://raw"))],
    "a database in arguments": [job("load-orders", AT1, args=["--dsn", "postgresql://u:p@dw:5432/shop"]),
                                job("report-orders", AT2, args=["postgresql://v@dw:5432/shop"])],
    "stages by nouns": [job("order-ingestion", AT1, **env(BUCKET="s3://raw")),
                        job("orders-reporter", AT2, **env(BUCKET="s3://raw"))],
    "a database by host and name": [job("sync-orders", AT1, **env(DB_HOST="dw", DB_NAME="shop")),
                                    job("report-orders", AT2, **shell("psql -h dw -d shop -f report.sql"))],
    "init container": [job("a", AT1, **env(OUTPUT="s3://raw/a")),
                       job("b", AT2).replace(
                           "          containers:", "          initContainers:\n          - {name: get, image: x, "
                           "command: [aws, s3, cp, s3://raw/a, /tmp]}\n          containers:")],
}  # fmt: skip
WRONG = {
    "market times": [job("quotes-premarket", "0 8 * * *", args=["--session", "pre"], **SECRET, **APP),
                     job("quotes-open", "30 9 * * *", args=["--session", "open"], **SECRET, **APP)],
    "topics of one job": [job("post-6am-news", "0 6 * * *", args=["--topic", "news"]),
                          job("post-9am-news", "0 9 * * *", args=["--topic", "news"])],
    "stage words alone": [job("export", AT1), job("transform", AT2), job("load", AT3)],
    "names, image and Secret": [job("shop-export", AT1, **SECRET, **APP), job("shop-load", AT2, **SECRET, **APP)],
    "a cleanup after backups": [job("backup-a", AT1, **shell("tar c / | aws s3 cp - s3://backups/a")),
                                job("cleanup", AT2, **shell("aws s3 rm --recursive s3://backups/"))],
    "a retention job that lists": [job("backup-a", AT1, **env(OUTPUT="s3://backups/a")),
                                   job("backup-retention", AT2, args=["--from", "s3://backups/a"])],
    "two that write": [job("a", AT1, args=["--output", "s3://raw/x"]), job("b", AT2, args=["--output", "s3://raw/x"])],
    "two that read": [job("a", AT1, args=["--input", "s3://raw/x"]), job("b", AT2, args=["--input", "s3://raw/x"])],
    "the reader first": [job("a", AT1, args=["--input", "s3://raw/x"]), job("b", AT2, args=["--output", "s3://raw/x"])],
    "parts of a bucket": [job("a", AT1, args=["--output", "s3://raw/x"]), job("b", AT2, args=["--input", "s3://raw/y"])],
    "claims of one name in two namespaces": [job("a", AT1, space="one", **shared(**shell("x > /data/f"))),
                                             job("b", AT2, space="two", **shared(**shell("y < /data/f")))],
    "one claim": [job("app-tick", AT1, **shared()), job("app-tock", AT2, **shared())],
    "a backup of a claim": [job("app-sync", AT1, **shared()), job("app-backup", AT2, **shared(read_only=True))],
    "one database": [job("orders-a", AT1, args=["postgresql://dw/shop"]), job("orders-b", AT2, args=["postgresql://dw/shop"])],
    "a backup of the database that a report reads": [job("backup-shop", AT1, args=["postgresql://dw/shop"]),
                                                     job("report-shop", AT2, args=["postgresql://dw/shop"])],
    "databases of one host": [job("sync-orders", AT1, **env(DB_HOST="dw", DB_NAME="shop")),
                              job("report-orders", AT2, **env(DB_HOST="dw", DB_NAME="other"))],
    "a table of two databases": [job("a", AT1, **shell('psql -c "INSERT INTO users VALUES (1)"'), **SECRET),
                                 job("b", AT2, **shell('psql -c "SELECT * FROM users"'),
                                     envFrom=[{"secretRef": {"name": "other"}}])],
    "not as often": [job("a", AT1, args=["--output", "s3://raw/x"]), job("b", "*/20 * * * *", args=["--input", "s3://raw/x"])],
    "no gap": [job("a", AT1, args=["--output", "s3://raw/x"]), job("b", AT1, args=["--input", "s3://raw/x"])],
    "nearly a day": [job("a", AT1, args=["--output", "s3://raw/x"]), job("b", "0 20 * * *", args=["--input", "s3://raw/x"])],
    "off the clock": [job("a", "@every 24h", args=["--output", "s3://raw/x"]), job("b", AT2, args=["--input", "s3://raw/x"])],
    "a bucket of everybody": [job(f"{word}-{n}", f"{n} {hour} * * *", **env(BUCKET="s3://all"))
                              for n in range(10) for hour, word in ((1, "extract"), (2, "load"))],
}  # fmt: skip


@pytest.mark.parametrize("texts", RIGHT.values(), ids=RIGHT)
def test_data_that_goes_from_one_to_the_other_is_a_chain(write, texts):
    """Nothing in their names need say so."""
    [proposal] = propose(load_cronjobs([write("a.yaml", *texts)]), {})
    names = [yaml.safe_load(text)["metadata"]["name"] for text in texts]
    assert [proposal.first.key, proposal.then.key] == names
    assert ENOUGH <= proposal.confidence < 1
    assert "p@" not in proposal.reasons[0].text


@pytest.mark.parametrize("texts", WRONG.values(), ids=WRONG)
def test_what_is_no_evidence_is_no_proposal(write, texts):
    """A wrong proposal costs trust, and accepted it costs a night."""
    assert pairs(write("a.yaml", *texts)) == set()


def test_etl_by_the_clock_is_a_chain(write):
    """1:00, 2:00, 3:00: each is proposed after the one before it, not after all of them."""
    jobs = [
        job(f"shop-{name}", at, **env(BUCKET="s3://shop"))
        for name, at in (("export", AT1), ("transform", AT2), ("load", AT3))
    ]
    folder = write("etl.yaml", *jobs)
    proposals = propose(load_cronjobs([folder]), {})
    assert [(each.first.key, each.then.key, each.gap) for each in proposals] == [
        ("shop-export", "shop-transform", timedelta(hours=1)),
        ("shop-transform", "shop-load", timedelta(hours=1)),
    ]
    text = chains_text(proposals)
    assert text == (
        "chains:\n  shop-export-chain:\n    jobs:\n      shop-transform: {after: shop-export}\n"
        "      shop-load: {after: shop-transform}\n"
    )
    write("chains.yaml", text)
    loaded = load_cronjobs([folder])
    assert (loaded.problems, list(loaded.chains[0].links)) == ([], ["shop-export", "shop-transform", "shop-load"])
    assert propose(loaded, {}) == []


def test_parallel_predecessors_are_proposed_together(write):
    """And each dataset keeps to its own."""
    jobs = [
        job("a", AT1, args=["--output", "s3://raw/a"]),
        job("b", AT1, args=["--output", "s3://raw/b"]),
        job("of-both", AT2, args=["--input", "s3://raw/a", "--input", "s3://raw/b"]),
        job("of-b", "30 2 * * *", args=["--input", "s3://raw/b"]),
    ]
    folder = write("a.yaml", *jobs)
    assert pairs(folder) == {("a", "of-both"), ("b", "of-both"), ("b", "of-b")}


def test_the_same_namespace_comes_first(write):
    """A nearer job of another one does not displace the true one."""
    out, into = {"args": ["--output", "s3://raw/x"]}, {"args": ["--input", "s3://raw/x"]}
    near, far = job("near", "30 1 * * *", space="other", **out), job("far", AT1, space="shop", **out)
    assert pairs(write("a.yaml", near, far, job("then", AT2, space="shop", **into))) == {("far", "then")}
    assert pairs(write("a.yaml", near, job("then", AT2, space="shop", **into))) == {("near", "then")}


def test_what_runs_less_often_is_said_but_is_no_chain(write):
    """Weekly after daily: a chain would run it each day."""
    daily, weekly = (
        job("a", AT1, args=["--output", "s3://raw/x"]),
        job("b", "0 3 * * 0", args=["--input", "s3://raw/x"]),
    )
    proposals = propose(load_cronjobs([write("a.yaml", daily, weekly)]), {})
    assert [(each.first.key, each.then.key, each.rhythm.each_time) for each in proposals] == [("a", "b", False)]
    assert chains_text(proposals) == ""


def test_nobody_comes_to_wait_for_itself(write):
    """Round the clock: the surest go first."""
    jobs = [
        job(name, f"0 {hour} * * *", args=["--output", f"s3://raw/{name}", "--input", f"s3://raw/{before}"])
        for name, before, hour in (("a", "c", 0), ("b", "a", 8), ("c", "b", 16))
    ]
    found = pairs(write("a.yaml", *jobs))
    assert len(found) == 2
    assert chains_text(propose(load_cronjobs([write("a.yaml", *jobs)]), {})).startswith("chains:")


def test_zones_with_a_changing_clock_keep_their_gap(write):
    """Where both change it on the same night, and where only one does."""
    prague = job("a", AT1, args=["--output", "s3://raw/x"]).replace(
        "  jobTemplate", "  timeZone: Europe/Prague\n  jobTemplate"
    )
    assert pairs(write("a.yaml", prague, job("b", AT3, args=["--input", "s3://raw/x"]))) == {("a", "b")}


def test_history_says_what_the_gap_cost(write):
    """Idle minutes, and how often the buffer was too short; a gap that is much too long makes it less sure."""
    folder = write("a.yaml", *RIGHT["options"])
    tick = datetime(2026, 3, 1, 1, tzinfo=UTC)
    ends = [timedelta(minutes=minutes) for minutes in (10, 12, 14, 75)]
    runs = [PastRun(tick, tick, tick + end, "Complete") for end in ends]
    runs += [PastRun(tick, tick, None, "Failed"), PastRun(tick, tick, None, None)]
    [proposal] = propose(load_cronjobs([folder]), {"shop/a": runs})
    buffer = proposal.buffer
    assert (buffer.typical, buffer.runs, buffer.too_short, buffer.failed) == (timedelta(minutes=13), 5, 1, 1)
    assert proposal.idle == timedelta(minutes=47)
    [short] = propose(
        load_cronjobs([write("a.yaml", RIGHT["options"][0], RIGHT["options"][1].replace(AT2, "0 9 * * *"))]),
        {"shop/a": runs},
    )
    assert short.confidence < proposal.confidence


def test_proposals_of_many_jobs_take_time_that_is_linear_in_them(write, monkeypatch):
    """Only those are compared that name one place: counted, because a clock tells nothing on a busy machine."""
    from baton.cronjobs.proposals import propose as module

    compared = []
    monkeypatch.setattr(module, "reason_of", lambda *given: compared.append(given))
    jobs = [
        job(
            f"j{number}",
            f"{number % 60} {number % 24} * * *",
            args=["--output", f"s3://b/{number}", "--table", f"t{number}x"],
        )
        for number in range(150)
    ]
    loaded = load_cronjobs([write("a.yaml", *jobs)])
    propose(loaded, {})
    assert len(loaded.cronjobs) == 150
    assert len(compared) <= 150
