"""Requests counted for all workers, links for people who lost their password, and columns as wide as names."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NAMES = (("device_codes", "created_by"), ("invitations", "created_by"), ("sign_offs", "person"))
"""Columns that hold somebody's name, "on the machine" among them."""


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "rates",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("minute", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "minute"),
    )
    for table, column in _NAMES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(
                column,
                existing_type=sa.String(length=32),
                type_=sa.String(length=80),
                existing_nullable=False,
            )
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person", sa.String(length=32), nullable=True))
        batch_op.create_foreign_key("invitations_person_fkey", "people", ["person"], ["id"])


def downgrade() -> None:
    """Go back; a database with longer names refuses."""
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.drop_constraint("invitations_person_fkey", type_="foreignkey")
        batch_op.drop_column("person")
    for table, column in _NAMES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(
                column,
                existing_type=sa.String(length=80),
                type_=sa.String(length=32),
                existing_nullable=False,
            )
    op.drop_table("rates")
