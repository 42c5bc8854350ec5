-- migrate:up transaction:false
-- Release 1 of 2: the new column beside the old one. Code before and after this deploy works: a
-- trigger keeps the two columns equal, whichever of them a colour writes.
ALTER TABLE entries ADD COLUMN body text;

CREATE FUNCTION entries_text_is_body() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.body := coalesce(NEW.body, NEW.text);
        NEW.text := NEW.body;
    ELSIF NEW.body IS DISTINCT FROM OLD.body THEN
        NEW.text := NEW.body;
    ELSE
        NEW.body := NEW.text; -- the old code wrote, or the row is being filled in
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER entries_text_is_body BEFORE INSERT OR UPDATE ON entries
    FOR EACH ROW EXECUTE FUNCTION entries_text_is_body();

-- Rows from before, in bites, so that no lock is held for long. A bite that was done is not done
-- again when this is resumed.
DO $$
BEGIN
    LOOP
        UPDATE entries SET body = text WHERE id IN (
            SELECT id FROM entries WHERE body IS NULL LIMIT 5000 FOR UPDATE SKIP LOCKED);
        EXIT WHEN NOT FOUND;
        COMMIT;
    END LOOP;
END $$;

-- NOT NULL without a long lock: promised first, then proven, then made the column's own.
ALTER TABLE entries ADD CONSTRAINT entries_body_is_there CHECK (body IS NOT NULL) NOT VALID;
ALTER TABLE entries VALIDATE CONSTRAINT entries_body_is_there;
ALTER TABLE entries ALTER COLUMN body SET NOT NULL;
ALTER TABLE entries DROP CONSTRAINT entries_body_is_there;

-- migrate:down
DROP TRIGGER entries_text_is_body ON entries;
DROP FUNCTION entries_text_is_body();
ALTER TABLE entries DROP COLUMN body;
