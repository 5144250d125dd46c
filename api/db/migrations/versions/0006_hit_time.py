"""What a hit's time rests on."""

import sqlalchemy as sa
from alembic import op

revision = "0006_hit_time"
down_revision = "0005_insiders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: hits that were taken before had to have a plausible time."""
    with op.batch_alter_table("hits", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("basis", sa.String(length=16), nullable=False, server_default="UNKNOWN")
        )
    with op.batch_alter_table("hits", schema=None) as batch_op:
        batch_op.alter_column("basis", server_default=None)


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("hits", schema=None) as batch_op:
        batch_op.drop_column("basis")
