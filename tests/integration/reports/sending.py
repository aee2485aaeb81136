"""One delivery in a process of its own, for tests that kill it. Run with the addresses in its environment.

``KILL_AFTER=mail`` ends it with SIGKILL right after the mail server has accepted, before that is recorded.
"""

import os
import signal
from pathlib import Path

import psycopg
from slack_sdk import WebClient

from baton.notifications.mail_server import MessageHook
from baton.reports.delivery import deliver
from baton.reports.files import Files
from baton.reports.mail import MailChannel
from baton.reports.registry import Registry
from baton.reports.slack import SlackChannel


class Server(MessageHook):
    """The mail server of the connection, until it has accepted."""

    def send_message(self, message, reader):
        super().send_message(message, reader)
        die_after("mail")


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
    server, readers = Server(), os.environ["READERS"].split(",")
    mails = [MailChannel(reader, server, readers) for reader in readers]
    channels = [*mails, SlackChannel(lambda: client, "C0SALES")]
    with psycopg.connect(os.environ["REGISTRY_DSN"], autocommit=True) as connection:
        registry = Registry(connection)
        registry.prepare()
        registry.register(manifest, {"mail": readers, "slack": ["C0SALES"]}, "dag/run")
        print(deliver(files.parcel(manifest), channels, registry).sent)


if __name__ == "__main__":
    main()
