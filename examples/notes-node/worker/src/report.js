// The nightly report, `npm run report`: what was written yesterday, kept in the table `reports`.
import pg from 'pg';
import { log } from './log.js';

const WRITE = `
  insert into reports (day, notes, words)
  select $1::date, count(*), coalesce(sum(words), 0) from notes
  where created_at >= $1::date and created_at < $1::date + 1
  on conflict (day) do update set notes = excluded.notes, words = excluded.words
  returning notes, words`;

const day = process.argv[2] ?? new Date(Date.now() - 24 * 3600 * 1000).toISOString().slice(0, 10);
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
try {
  const { rows: [report] } = await client.query(WRITE, [day]);
  log('report', { day, ...report });
} finally {
  await client.end();
}
