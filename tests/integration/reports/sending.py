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
from baton.reports.delivery_ledger import DeliveryLedger
from baton.reports.files import Files
from baton.reports.mail import MailChannel
from baton.reports.slack import SlackChannel


class Server(MessageHook):
    """The mail server of the connection, until it has accepted."""

    def send_message(self, message, recipient):
        super().send_message(message, recipient)
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
    server, recipients = Server(), os.environ["RECIPIENTS"].split(",")
    mails = [MailChannel(recipient, server, recipients) for recipient in recipients]
    channels = [*mails, SlackChannel(lambda: client, "C0SALES")]
    with psycopg.connect(os.environ["REGISTRY_DSN"], autocommit=True) as connection:
        ledger = DeliveryLedger(connection)
        ledger.prepare()
        ledger.register(manifest, {"mail": recipients, "slack": ["C0SALES"]}, "dag/run")
        print(deliver(files.rendered_report(manifest), channels, ledger).sent)


if __name__ == "__main__":
    main()
