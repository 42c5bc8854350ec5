-- migrate:up
CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    password_hash text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);

-- The browser holds the token; the database holds only its keyed hash.
CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz NOT NULL
);
CREATE INDEX sessions_account_id ON sessions (account_id);
CREATE INDEX sessions_expires ON sessions (expires);

-- Counted before the password is checked, so that parallel guesses are counted too.
CREATE TABLE signin_attempts (
    subject text PRIMARY KEY,
    attempts integer NOT NULL,
    since timestamptz NOT NULL
);

-- migrate:down
DROP TABLE signin_attempts;
DROP TABLE sessions;
DROP TABLE accounts;
