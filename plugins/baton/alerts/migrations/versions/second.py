"""Posts that were refused, and longer names of senders."""

import sqlalchemy as sa
from alembic import op

from baton.airflow_internals.database import UtcDateTime

revision = "b4a0a1e57002"
down_revision = "b4a0a1e57001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of refusals."""
    with op.batch_alter_table("baton_alert_decision") as table:
        table.alter_column("source", type_=sa.String(64), existing_type=sa.String(16), existing_nullable=False)
    op.create_table(
        "baton_alert_refusal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("sender", sa.String(64), nullable=False),
        sa.Column("endpoint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.Column("first_at", UtcDateTime, nullable=False),
        sa.Column("last_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("sender", "endpoint", "status", name="baton_alert_refusal_uq"),
    )


def downgrade() -> None:
    """Remove it; names of senders that became too long are cut by hand first."""
    op.drop_table("baton_alert_refusal")
    with op.batch_alter_table("baton_alert_decision") as table:
        table.alter_column("source", type_=sa.String(16), existing_type=sa.String(64), existing_nullable=False)
