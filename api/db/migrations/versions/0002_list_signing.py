"""People's signatures under the hot list: their keys, versions that wait, and the word that one is current."""

import sqlalchemy as sa
from alembic import op

from api.db.types import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "list_signers",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("added", Moment(), nullable=False),
        sa.Column("added_by", sa.String(length=80), nullable=False),
        sa.Column("confirmed", Moment(), nullable=True),
        sa.Column("confirmed_by", sa.String(length=80), nullable=False),
        sa.Column("revoked", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_table(
        "list_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "list_candidates",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made", Moment(), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("ends", Moment(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    with op.batch_alter_table("list_candidates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_list_candidates_state"), ["state"], unique=False)
    op.create_table(
        "list_statements",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ends", Moment(), nullable=False),
        sa.Column("issued", Moment(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "list_cancelled",
        sa.Column("entry", sa.String(length=64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("list_cancelled")
    op.drop_table("list_statements")
    with op.batch_alter_table("list_candidates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_list_candidates_state"))
    op.drop_table("list_candidates")
    op.drop_table("list_keys")
    op.drop_table("list_signers")
