-- migrate:up
CREATE TABLE entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    title text NOT NULL,
    text text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    updated timestamptz NOT NULL DEFAULT now()
);
-- Serves the only way entries are read: one account's, newest first.
CREATE INDEX entries_account_id_id ON entries (account_id, id DESC);

-- migrate:down
DROP TABLE entries;
