import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApp } from '../src/app.js';

const notes = [
  { id: 1, text: '<b>Milk</b>', words: 1, attachment: { name: 'a.txt' }, created_at: '2026-01-02T03:04:05Z' },
];
let latest = async () => notes;
let server, url;

before(async () => {
  server = createApp({ latest: () => latest(), log: () => {} }).listen(0);
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

test('the page shows notes, and what they hold is no HTML', async () => {
  const page = await (await fetch(url)).text();
  assert.match(page, /&lt;b&gt;Milk&lt;\/b&gt;/);
  assert.match(page, /href="\/api\/notes\/1\/attachment">a\.txt</);
  assert.equal((await fetch(`${url}/static/notes.js`)).status, 200);
});

test('without the API the page says so, and the server is healthy', async () => {
  latest = async () => { throw new Error('away'); };
  assert.equal((await fetch(url)).status, 502);
  assert.equal((await fetch(`${url}/health`)).status, 200);
});
