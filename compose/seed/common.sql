-- Sample rows for every environment but prod (`inv db.reset`, `inv db.seed`). They may run again:
-- what is there already stays as it is. Nobody can sign in as Ada: no password has this hash.
INSERT INTO accounts (email, name, password_hash)
VALUES ('ada@example.com', 'Ada', '!')
ON CONFLICT (email) DO NOTHING;

INSERT INTO entries (account_id, title, text)
SELECT id, title, text
FROM accounts,
    (VALUES
        ('Cast off', 'Left the harbour at first light; wind from the west.'),
        ('Noon', 'Half the way. Everybody is well.'),
        ('Made fast', 'Alongside before dark; nothing was lost.')
    ) AS sample (title, text)
WHERE email = 'ada@example.com'
    AND NOT EXISTS (SELECT FROM entries WHERE account_id = accounts.id);
