-- migrate:up
-- Release 2 of 2, once nothing that runs, and nothing you would roll back to, reads the old column.
DROP TRIGGER entries_text_is_body ON entries;
DROP FUNCTION entries_text_is_body();
-- slipway:allow ban-drop-column the release before this one does not read it any more
ALTER TABLE entries DROP COLUMN text;

-- migrate:down
ALTER TABLE entries ADD COLUMN text text;
UPDATE entries SET text = body;
ALTER TABLE entries ALTER COLUMN text SET NOT NULL;
