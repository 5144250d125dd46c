"""Links that one browser begins, who vouched for whom, and what waits for a second administrator."""

import sqlalchemy as sa
from alembic import op

from api.db.types import Moment

revision = "0005_insiders"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; links made before are worth nothing."""
    op.execute("DELETE FROM invitations")
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.alter_column("secret", existing_type=sa.LargeBinary(), nullable=True)
        batch_op.add_column(sa.Column("browser", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("sponsors", sa.JSON(), nullable=False))
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sponsors", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("sponsored", Moment(), nullable=True))
    op.execute("UPDATE people SET sponsored = created")
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.alter_column("sponsored", existing_type=Moment(), nullable=False)
        batch_op.alter_column("sponsors", existing_type=sa.JSON(), server_default=None)
    op.create_table(
        "staff_requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("expires", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="staff_requests_person_fkey"),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """Go back; links made meanwhile are worth nothing."""
    op.drop_table("staff_requests")
    op.execute("DELETE FROM invitations")
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.drop_column("sponsored")
        batch_op.drop_column("sponsors")
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.drop_column("sponsors")
        batch_op.drop_column("browser")
        batch_op.alter_column("secret", existing_type=sa.LargeBinary(), nullable=False)
