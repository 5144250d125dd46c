"""When a session's live queue was last open, and the first reading of a hit that waits for a second reviewer."""

import sqlalchemy as sa
from alembic import op

from api.db.types import Moment

revision = "0008_second_reader"
down_revision = "0007_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("watched", Moment(), nullable=True))
    with op.batch_alter_table("hits", schema=None) as batch_op:
        batch_op.add_column(sa.Column("doubted_by", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("doubt", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Go back; a hit that waits for a second reviewer can then be read anew by anybody."""
    with op.batch_alter_table("hits", schema=None) as batch_op:
        batch_op.drop_column("doubt")
        batch_op.drop_column("doubted_by")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_column("watched")
