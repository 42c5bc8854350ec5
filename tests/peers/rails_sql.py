"""What Active Record sends to PostgreSQL for the migrations of strong_migrations' tests."""

from tests.lock_cases import Case

ALONE = True
SCHEMA = """
create extension citext;
create table orders (id bigserial primary key);
create table devices (id bigserial primary key);
create table users (
    id bigserial primary key, name varchar, city varchar, credit_score numeric(10, 5),
    deleted_at timestamp(6), country varchar(20), "interval" varchar, description text,
    code citext, order_id bigint, properties text, other text, device_id bigint, device_type text,
    created_at timestamp(6), updated_at timestamp(6)
);
create index index_users_on_order_id on users (order_id);
create index index_users_on_name on users (name);
create index my_index on users (city);
"""
NAMED = "alter table users add constraint test check (name is not null) not valid;"
VALID = "alter table users validate constraint test;"
CREDIT = "alter table users add constraint credit_check check (credit_score > 0)"
OWNED = "alter table users add constraint fk foreign key (order_id) references orders (id)"
DEVICE = "alter table users add constraint fk foreign key (device_id) references devices (id)"
REFERENCE = "alter table users add device2_id bigint;"
NEW = "create table new_users (id bigserial primary key, name varchar, credit_score numeric);"


def to_type(column: str, name: str) -> str:
    """Write a change of a column's type."""
    return f"alter table users alter column {column} type {name};"


def wider(name: str) -> Case:
    """Write a type's precision from 0 to 6."""
    steps = (to_type("x", f"{name}{size}") for size in ("(3)", "(6)", "", "(6)"))
    return Case("".join(steps), before=f"alter table users add x {name}(0);")


def narrower(name: str) -> Case:
    """Write a type's precision down to 3."""
    return Case(to_type("x", f"{name}(3)"), before=f"alter table users add x {name};")


SQL: dict[str, Case] = {
    "AddCheckConstraint": Case(f"{CREDIT};"),
    "AddCheckConstraintName": Case(f"{CREDIT};"),
    "AddCheckConstraintNewTable": Case(f"{NEW} alter table new_users add check (name is not null)"),
    "AddCheckConstraintSafe": Case(f"{CREDIT} not valid;"),
    "AddCheckConstraintValidateNoTransaction": Case(
        f"{CREDIT} not valid; alter table users validate constraint credit_check;", "", ALONE
    ),
    "AddCheckConstraintValidateSameTransaction": Case(
        f"{CREDIT} not valid; alter table users validate constraint credit_check;"
    ),
    "AddColumnBigserial": Case("alter table users add nice bigserial;"),
    "AddColumnDefault": Case("alter table users add nice boolean default true;"),
    "AddColumnDefaultCallable": Case(
        "alter table users add nice timestamp(6) default clock_timestamp();"
    ),
    "AddColumnDefaultNotNull": Case(
        "alter table users add nice uuid default gen_random_uuid() not null;"
    ),
    "AddColumnDefaultNull": Case("alter table users add nice boolean default null;"),
    "AddColumnDefaultSafe": Case(
        "alter table users add nice boolean; alter table users alter nice set default false;"
    ),
    "AddColumnDefaultUUID": Case("alter table users add nice uuid default gen_random_uuid();"),
    "AddColumnDefaultUUIDSafe": Case(
        "alter table users add nice uuid;"
        "alter table users alter nice set default gen_random_uuid();"
    ),
    "AddColumnGeneratedStored": Case(
        "alter table users add nice varchar generated always as (lower(city)) stored;"
    ),
    "AddColumnJson": Case("alter table users add properties2 json;"),
    "AddColumnPrimaryKey": Case("alter table users add nice bigserial primary key;"),
    "AddColumnSerial": Case("alter table users add nice serial;"),
    "AddExclusionConstraint": Case(
        "alter table users add constraint e exclude using gist (credit_score with =);"
    ),
    "AddExclusionConstraintNewTable": Case(
        f"{NEW} alter table new_users add constraint e exclude using gist (credit_score with =);"
    ),
    "AddForeignKey": Case(f"{OWNED};"),
    "AddForeignKeySafe": Case(f"{OWNED} not valid;"),
    "AddForeignKeyValidateNoTransaction": Case(
        f"{OWNED} not valid; alter table users validate constraint fk;", "", ALONE
    ),
    "AddForeignKeyValidateSameTransaction": Case(
        f"{OWNED} not valid; alter table users validate constraint fk;"
    ),
    "AddIndex": Case("create index i on users (name);"),
    "AddIndexUp": Case("create index i on users (name);"),
    "AddIndexColumns": Case("create index i on users (name, city, country, deleted_at);"),
    "AddIndexColumnsUnique": Case(
        "create unique index concurrently i on users (name, city, country, deleted_at);", "", ALONE
    ),
    "AddIndexConcurrently": Case("create index concurrently i on users (name);", "", ALONE),
    "AddIndexNewTable": Case(f"{NEW} create index i on new_users (name);"),
    "AddBelongsTo": Case(f"{REFERENCE} create index i on users (device2_id);"),
    "AddReference": Case(f"{REFERENCE} create index i on users (device2_id);"),
    "AddReferenceConcurrently": Case(
        f"{REFERENCE} create index concurrently i on users (device2_id);", "", ALONE
    ),
    "AddReferenceDefault": Case(f"{REFERENCE} create index i on users (device2_id);"),
    "AddReferenceForeignKey": Case(f"{REFERENCE} {DEVICE};"),
    "AddReferenceForeignKeyValidateFalse": Case(f"{REFERENCE} {DEVICE} not valid;"),
    "AddReferenceNoIndex": Case(REFERENCE),
    "AddReferencePolymorphic": Case(
        "alter table users add thing_type varchar; alter table users add thing_id bigint;"
        "create index i on users (thing_type, thing_id);"
    ),
    "AddUniqueConstraint": Case("alter table users add constraint u unique (name);"),
    "AddUniqueConstraintNewTable": Case(f"{NEW} alter table new_users add unique (name);"),
    "AddUniqueConstraintUsingIndex": Case(
        "create unique index concurrently i on users (name);"
        "alter table users add constraint u unique using index i;",
        "",
        ALONE,
    ),
    "ChangeColumn": Case(to_type("properties", "bad_name")),
    "ChangeColumnCidrToInet": Case(to_type("x", "inet"), before="alter table users add x cidr;"),
    "ChangeColumnCitextToText": Case(to_type("code", "text")),
    "ChangeColumnCitextToTextIndexed": Case(
        to_type("code", "text"), before="create index i on users (code);"
    ),
    "ChangeColumnCitextToVarcharLimit": Case(to_type("code", "varchar(20)")),
    "ChangeColumnCitextToVarcharNoLimit": Case(to_type("code", "varchar")),
    "ChangeColumnCitextToVarcharNoLimitIndexed": Case(
        to_type("code", "varchar"), before="create index i on users (code);"
    ),
    "ChangeColumnConstraint": Case(
        to_type("name", "text"), before="alter table users add check (name = lower(name));"
    ),
    "ChangeColumnDatetimeDecreasePrecision": narrower("timestamp"),
    "ChangeColumnDatetimeIncreasePrecision": wider("timestamp"),
    "ChangeColumnDecimalChangeScale": Case(to_type("credit_score", "numeric(10, 6)")),
    "ChangeColumnDecimalDecreasePrecision": Case(to_type("credit_score", "numeric(9, 5)")),
    "ChangeColumnDecimalIncreasePrecision": Case(to_type("credit_score", "numeric(11, 5)")),
    "ChangeColumnDefaultNewColumn": Case(
        "alter table users add nice boolean; alter table users alter nice set default true;"
    ),
    "ChangeColumnInetToCidr": Case(to_type("x", "cidr"), before="alter table users add x inet;"),
    "ChangeColumnIntervalDecreasePrecision": narrower("interval"),
    "ChangeColumnIntervalIncreasePrecision": wider("interval"),
    "ChangeColumnMissingTable": Case("alter table missing alter column properties type varchar;"),
    "ChangeColumnNull": Case("alter table users alter name set not null;"),
    "ChangeColumnNullConstraint": Case(
        "alter table users alter name set not null;", before=f"{NAMED} {VALID}"
    ),
    "ChangeColumnNullConstraintDefault": Case(
        "update users set name = 'Andy' where name is null;"
        "alter table users alter name set not null;",
        before=f"{NAMED} {VALID}",
    ),
    "ChangeColumnNullConstraintMethods": Case(
        f"{NAMED} {VALID} alter table users alter name set not null;"
        "alter table users drop constraint test;",
        "",
        ALONE,
    ),
    "ChangeColumnNullConstraintUnvalidated": Case(
        "alter table users alter name set not null;", before=NAMED
    ),
    "ChangeColumnNullDefault": Case(
        "update users set name = 'Andy' where name is null;"
        "alter table users alter name set not null;"
    ),
    "ChangeColumnNullQuoted": Case(
        'alter table "users" alter "interval" set not null;',
        before='alter table "users" add constraint "test" check ("interval" is not null) not valid;'
        'alter table "users" validate constraint "test";',
    ),
    "ChangeColumnOtherConstraints": Case(
        to_type("name", "text"),
        before="alter table users add new_name varchar;"
        "alter table users add check (new_name is not null);"
        "alter table users add check (credit_score > 0);",
    ),
    "ChangeColumnTextToCitext": Case(to_type("description", "citext")),
    "ChangeColumnTextToCitextIndexed": Case(
        to_type("description", "citext"), before="create index i on users (description);"
    ),
    "ChangeColumnTextToCitextIndexedExpression": Case(
        to_type("description", "citext"), before="create index i on users (lower(description));"
    ),
    "ChangeColumnTextToVarcharLimit": Case(to_type("description", "varchar(20)")),
    "ChangeColumnTextToVarcharNoLimit": Case(to_type("description", "varchar")),
    "ChangeColumnTimeDecreasePrecision": narrower("time"),
    "ChangeColumnTimeIncreasePrecision": wider("time"),
    "ChangeColumnTimestampDecreaseLimit": narrower("timestamp"),
    "ChangeColumnTimestampIncreaseLimit": wider("timestamp"),
    "ChangeColumnTimestamps": Case(
        to_type("deleted_at", "timestamptz") + to_type("deleted_at", "timestamp")
    ),
    "ChangeColumnTimestamptzDecreaseLimit": narrower("timestamptz"),
    "ChangeColumnTimestamptzIncreaseLimit": wider("timestamptz"),
    "ChangeColumnVarcharAddLimit": Case(
        to_type("country", "varchar(20)"), before=to_type("country", "varchar")
    ),
    "ChangeColumnVarcharDecreaseLimit": Case(to_type("country", "varchar(19)")),
    "ChangeColumnVarcharIncreaseLimit": Case(to_type("country", "varchar(21)")),
    "ChangeColumnVarcharIncreaseLimit256": Case(to_type("country", "varchar(256)")),
    "ChangeColumnVarcharIncreaseLimit64": Case(to_type("country", "varchar(64)")),
    "ChangeColumnVarcharRemoveLimit": Case(to_type("country", "varchar")),
    "ChangeColumnVarcharToCitext": Case(
        to_type("name", "citext"), before="drop index index_users_on_name;"
    ),
    "ChangeColumnVarcharToText": Case(to_type("name", "text")),
    "ChangeColumnWithNotNull": Case(
        "alter table users alter column country type varchar(20), alter column country set not null"
    ),
    "CreateJoinTable": Case("create table cities_users (user_id bigint, city_id bigint);"),
    "CreateJoinTableForce": Case(
        "drop table if exists cities_users cascade;"
        "create table cities_users (user_id bigint, city_id bigint);"
    ),
    "CreateTableForce": Case(
        "drop table if exists admins cascade; create table admins (id bigserial primary key);"
    ),
    "RemoveBelongsTo": Case("alter table users drop column device_id;"),
    "RemoveColumn": Case("alter table users drop column name;"),
    "RemoveColumns": Case("alter table users drop column name, drop column other;"),
    "RemoveColumnsType": Case("alter table users drop column name, drop column other;"),
    "RemoveReference": Case("alter table users drop column device_id;"),
    "RemoveReferencePolymorphic": Case(
        "alter table users drop column device_id, drop column device_type;"
    ),
    "RemoveTimestamps": Case("alter table users drop column updated_at, drop column created_at;"),
    "RenameColumn": Case("alter table users rename column properties to bad_name;"),
    "RenameEnumValue": Case(
        "alter type task_status rename value 'done' to 'completed';",
        before="create type task_status as enum ('new', 'done');",
    ),
    "RenameSchema": Case("alter schema public rename to bad_name;"),
    "RenameTable": Case("alter table users rename to bad_name;"),
    "RevertAddReference": Case("alter table users drop column country_id;"),
}
