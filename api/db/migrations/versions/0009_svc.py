"""Which entries, in which wording, a published version holds: what tells whether it is still right."""

import sqlalchemy as sa
from alembic import op

revision = "0009_svc"
down_revision = "0008_second_reader"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; the newest version then differs from the entries in force, and is made anew once."""
    with op.batch_alter_table("lists", schema=None) as batch_op:
        batch_op.add_column(sa.Column("holds", sa.String(length=64), nullable=False, server_default=""))
    with op.batch_alter_table("lists", schema=None) as batch_op:
        batch_op.alter_column("holds", server_default=None)


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("lists", schema=None) as batch_op:
        batch_op.drop_column("holds")
