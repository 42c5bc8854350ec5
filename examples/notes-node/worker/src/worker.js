// Counts the words of new notes, one note after the other; several workers share them.
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createClient } from 'redis';
import { log } from './log.js';
import { countWords } from './words.js';

const ALIVE = '/tmp/alive';
const NEXT = `select id, text from notes where words is null
              order by id limit 1 for update skip locked`;

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
pool.on('error', (error) => log('database', { error: error.message }));
const redis = createClient({ url: process.env.REDIS_URL, disableOfflineQueue: true });
redis.on('error', (error) => log('redis', { error: error.message || error.code }));
redis.connect().catch(() => {});

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stopping.abort(signal));

async function takeOne() {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows: [note] } = await client.query(NEXT);
    if (note) {
      const words = countWords(note.text);
      await client.query('update notes set words = $1 where id = $2', [words, note.id]);
    }
    await client.query('commit');
    return note;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

async function tell(note) {
  if (!redis.isReady) return;
  await redis.del('notes:latest');
  await redis.publish('notes', JSON.stringify({ changed: note.id }));
}

log('started');
while (!stopping.signal.aborted) {
  let note;
  try {
    note = await takeOne();
    await writeFile(ALIVE, '');
    if (note) {
      log('counted', { note: note.id });
      await tell(note);
    }
  } catch (error) {
    log('error', { error: error.message });
  }
  if (!note) await sleep(1000, null, { signal: stopping.signal }).catch(() => {});
}
log('stopping', { signal: stopping.signal.reason });
redis.destroy();
await pool.end();
