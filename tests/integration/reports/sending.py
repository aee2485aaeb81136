"""Deliveries, each in a process of its own, for tests that kill it; forked from one that has imported what they need.

Each line of standard input is the environment of one, with the addresses; each line of standard output its exit code.
``KILL_AFTER=mail`` ends it with SIGKILL right after the mail server has accepted, before that is recorded.
"""

import json
import os
import signal
import sys
import traceback
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


def run_forked(environment):
    """Run one in a fork; returns its exit code as `subprocess` gives it. What it says goes to the file ``SAID``."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.environ.update(environment)
    with open(environment["SAID"], "w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    code = 0
    try:
        main()
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    for line in sys.stdin:
        print(run_forked(json.loads(line)), flush=True)
