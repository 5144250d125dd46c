"""What the queue shows of a hit, the case number of a session's reviews, and alerts to several targets."""

import sqlalchemy as sa
from alembic import op

from api.db.types import Moment

revision = "0011_console"
down_revision = "0010_list_gaps"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; hits from before show no place and purpose and are grouped with no other; alerts are dropped."""
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("review_case", sa.String(length=80), nullable=False, server_default=sa.text("''"))
        )
        batch_op.alter_column("review_case", server_default=None)
    with op.batch_alter_table("hits", schema=None) as batch_op:
        for name, length in (("place", 200), ("purpose", 80), ("alike", 64)):
            batch_op.add_column(
                sa.Column(name, sa.String(length=length), nullable=False, server_default=sa.text("''"))
            )
    op.drop_table("alerts")
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("target", sa.String(length=40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", "target"),
    )
    op.create_index(op.f("ix_alerts_due"), "alerts", ["due"])
    op.execute(sa.text("UPDATE hits SET alike = id"))
    with op.batch_alter_table("hits", schema=None) as batch_op:
        for name in ("place", "purpose", "alike"):
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    """Go back; alerts that wait are dropped."""
    op.drop_table("alerts")
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=36), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", Moment(), nullable=False),
    )
    op.create_index(op.f("ix_alerts_due"), "alerts", ["due"])
    with op.batch_alter_table("hits", schema=None) as batch_op:
        for name in ("alike", "purpose", "place"):
            batch_op.drop_column(name)
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_column("review_case")
