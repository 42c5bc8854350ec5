-- On a person's own computer Ada can sign in, with the password `logbook-demo`.
UPDATE accounts
SET password_hash = '$argon2id$v=19$m=19456,t=2,p=1$UXnTym5d5lz049HYzMAmCw$1B3Vy/PQyVJLVxPAtXrMGK3EB3Knw4iJS3efXocnWxg'
WHERE email = 'ada@example.com' AND password_hash = '!';
