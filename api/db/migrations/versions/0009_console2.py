"""What the queue shows of a hit, and the case number that a session's reviews are opened with."""

import sqlalchemy as sa
from alembic import op

revision = "0009_console2"
down_revision = "0008_second_reader"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; hits from before show no place and purpose, and are grouped with no other."""
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
    op.execute(sa.text("UPDATE hits SET alike = id"))
    with op.batch_alter_table("hits", schema=None) as batch_op:
        for name in ("place", "purpose", "alike"):
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("hits", schema=None) as batch_op:
        for name in ("alike", "purpose", "place"):
            batch_op.drop_column(name)
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_column("review_case")
