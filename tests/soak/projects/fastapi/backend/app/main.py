"""An API whose schema Alembic changes."""

import os

import fastapi
import sqlalchemy

app = fastapi.FastAPI()
engine = sqlalchemy.create_engine(
    os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
)


@app.get("/api/v1/health/")
def answer() -> str:
    return "well"


@app.get("/")
def read() -> dict[str, str]:
    with engine.connect() as connection:
        version = connection.scalar(sqlalchemy.text("select version_num from alembic_version"))
        notes = connection.scalar(sqlalchemy.text("select count(*) from notes"))
    return {"schema": version, "notes": str(notes)}
