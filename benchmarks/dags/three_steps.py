"""The same three steps as an Airflow job of Baton's, in one task, and as three tasks of Airflow, for job_runs.py."""

import os

import pendulum
from airflow.sdk import dag, task

from baton.jobs import job_dags

FOLDER = os.path.join(os.path.dirname(__file__), "jobs")
globals().update(job_dags(FOLDER))


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1), catchup=False, tags=["area/jobs", "tier/3"])
def three_tasks() -> None:
    @task
    def read() -> list[int]:
        from airflow.providers.postgres.hooks.postgres import PostgresHook

        return [row[0] for row in PostgresHook("shop").get_records("SELECT id FROM products ORDER BY id LIMIT 20")]

    @task
    def change(ids: list[int]) -> int:
        from airflow.providers.postgres.hooks.postgres import PostgresHook

        statement = "UPDATE products SET updated_at = now() WHERE id = ANY (%s)"
        PostgresHook("shop_worker").run(statement, parameters=(ids,))
        return len(ids)

    @task
    def tell(count: int) -> None:
        from airflow.providers.slack.hooks.slack import SlackHook

        SlackHook(slack_conn_id="slack_api_default").client.chat_postMessage(channel="#bench", text=f"{count} items")

    tell(change(read()))


three_tasks()
