"""Numbers of hot lists that may have been published and lost, where an older database was put back."""

import sqlalchemy as sa
from alembic import op

from api.db.types import Moment

revision = "0010_list_gaps"
down_revision = "0009_svc"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "list_gaps",
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("first"),
    )


def downgrade() -> None:
    """Go back; the next version may then have a number that units have seen."""
    op.drop_table("list_gaps")
