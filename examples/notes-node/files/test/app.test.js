import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createHandler } from '../src/app.js';
import { Store } from '../src/store.js';

let folder, server, url;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'));
  server = createServer(createHandler(new Store(folder))).listen(0);
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${server.address().port}`;
});
after(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

test('a file is kept, read and removed', async () => {
  const kept = await fetch(`${url}/files/7`, { method: 'PUT', body: 'abc' });
  assert.deepEqual(await kept.json(), { size: 3 });
  assert.equal(await (await fetch(`${url}/files/7`)).text(), 'abc');
  assert.deepEqual(await readdir(folder), ['7']);
  await fetch(`${url}/files/7`, { method: 'DELETE' });
  assert.equal((await fetch(`${url}/files/7`)).status, 404);
});

test('a name leads nowhere else', async () => {
  assert.equal((await fetch(`${url}/files/..%2fetc%2fpasswd`)).status, 404);
  assert.equal((await fetch(`${url}/files/.hidden`)).status, 404);
});
