-- migrate:up
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    run_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    locked_at timestamptz,
    done_at timestamptz,
    error text
);
CREATE INDEX jobs_waiting ON jobs (run_at) WHERE done_at IS NULL;
-- However many workers start, only one sweep waits.
CREATE UNIQUE INDEX jobs_one_sweep ON jobs (kind) WHERE kind = 'sweep' AND done_at IS NULL;

-- migrate:down
DROP TABLE jobs;
