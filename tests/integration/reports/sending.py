"""One delivery in a process of its own, for tests that kill it. Run with the addresses in its environment.

``KILL_AFTER=mail`` ends it with SIGKILL right after the mail server has accepted, before that is recorded.
"""

import os
import signal
import smtplib
from pathlib import Path

import psycopg
from slack_sdk import WebClient

from baton.reports.delivery import deliver
from baton.reports.files import Files
from baton.reports.mail import MailChannel
from baton.reports.registry import Registry
from baton.reports.slack import SlackChannel


class Server:
    """A mail server by its port."""

    sender = "baton@localhost"

    def send_message(self, message):
        with smtplib.SMTP("127.0.0.1", int(os.environ["SMTP_PORT"]), timeout=10) as client:
            refused = client.send_message(message)
        die_after("mail")
        return refused


class Client(WebClient):
    """Slack, until it has accepted."""

    def chat_postMessage(self, **words):
        answer = super().chat_postMessage(**words)
        die_after("slack")
        return answer


def die_after(what):
    if os.environ.get("KILL_AFTER") == what:
        os.kill(os.getpid(), signal.SIGKILL)


def main():
    files = Files()
    manifest = files.manifest(Path(os.environ["MANIFEST"]).as_uri())
    client = Client(os.environ["SLACK_TOKEN"], base_url=os.environ["SLACK_URL"])
    channels = [MailChannel(["sales@localhost"], Server()), SlackChannel(lambda: client, "C0SALES")]
    with psycopg.connect(os.environ["REGISTRY_DSN"], autocommit=True) as connection:
        registry = Registry(connection)
        registry.prepare()
        registry.register(manifest, {"mail": ["sales@localhost"], "slack": ["C0SALES"]}, "dag/run")
        print(deliver(files.parcel(manifest), channels, registry).sent)


if __name__ == "__main__":
    main()
