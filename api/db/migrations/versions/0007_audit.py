"""The audit log as a Merkle tree, what a device found wrong with it, holds of two people, drawn versions."""

import sqlalchemy as sa
from alembic import op

from api.core.errors import StateError
from api.db.append_only import protect, unprotect

revision = "0007_audit"
down_revision = "0006_hit_time"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; a log in the form before this one has no tree and cannot get one that anybody signed.

    Raises:
        StateError: there is such a log.
    """
    if op.get_bind().execute(sa.text("SELECT 1 FROM audit LIMIT 1")).first():
        hint = "That form was never released: keep the old database for the record, and begin with a new one."
        raise StateError("the database's audit log is in an older form", hint=hint)
    op.create_table(
        "audit_nodes",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "place"),
    )
    protect(op.get_bind(), "audit_nodes")
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("log_contradicted", sa.String(length=400), nullable=True))
    with op.batch_alter_table("hits", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hold_asked", sa.JSON(), nullable=True))
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.String(length=32), nullable=False))
    with op.batch_alter_table("repeats", schema=None) as batch_op:
        batch_op.add_column(sa.Column("salt", sa.LargeBinary(), nullable=False))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_column("log_contradicted")
    for table, column in (("hits", "hold_asked"), ("entries", "version"), ("repeats", "salt")):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column(column)
    unprotect(op.get_bind(), "audit_nodes")
    op.drop_table("audit_nodes")
