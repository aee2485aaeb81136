"""The two tables of the first version."""

import sqlalchemy as sa
from alembic import op

from baton.airflow_internals.database import UtcDateTime

revision = "b4a0a1e57001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "baton_alert_decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("route", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("starts_at", sa.String(40), nullable=False),
        sa.Column("verdict", sa.String(24), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("cooldown_key", sa.String(64), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("sender", sa.String(64), nullable=False),
        sa.Column("dag_id", sa.String(250), nullable=True),
        sa.Column("run_id", sa.String(250), nullable=True),
        sa.Column("alert", sa.Text, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("first_at", UtcDateTime, nullable=False),
        sa.Column("last_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("route", "fingerprint", "starts_at", "verdict", name="baton_alert_decision_uq"),
    )
    indexes = {
        "baton_alert_decision_key_ix": ["route", "cooldown_key", "verdict"],
        "baton_alert_decision_budget_ix": ["route", "verdict", "first_at"],
        "baton_alert_decision_last_ix": ["last_at"],
    }
    for name, columns in indexes.items():
        op.create_index(name, "baton_alert_decision", columns)
    op.create_table(
        "baton_alert_state",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("changed_by", sa.String(100), nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
    )


def downgrade() -> None:
    """Remove both."""
    op.drop_table("baton_alert_state")
    op.drop_table("baton_alert_decision")
