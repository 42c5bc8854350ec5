"""Has Alembic come to the database as the environment says."""

import os

import sqlalchemy
from alembic import context

url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
with sqlalchemy.create_engine(url).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
