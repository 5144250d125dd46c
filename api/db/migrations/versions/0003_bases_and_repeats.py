"""The wording that a proposed change is made from, and answers kept for repeated requests."""

import sqlalchemy as sa
from alembic import op

from api.db.types import Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward. Proposals that wait become new entries; one that was a change conflicts at its approval."""
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.add_column(sa.Column("base", sa.String(length=32), nullable=False, server_default=""))
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.alter_column("base", server_default=None)
    op.create_table(
        "repeats",
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("person", "key"),
    )
    with op.batch_alter_table("repeats", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_repeats_at"), ["at"], unique=False)


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("repeats", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_repeats_at"))
    op.drop_table("repeats")
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.drop_column("base")
