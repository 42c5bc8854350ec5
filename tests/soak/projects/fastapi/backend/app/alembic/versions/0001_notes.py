"""Make the notes."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("create table notes (id bigint generated always as identity primary key)")
