"""Run by Alembic: migrates over the connection that api/db/migrate.py hands in."""

from alembic import context

from api.db.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
