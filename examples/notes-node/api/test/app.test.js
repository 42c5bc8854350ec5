import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { createApp } from '../src/app.js';
import { Sessions } from '../src/session.js';

class FakeNotes {
  rows = [];
  async latest() { return this.rows.toReversed(); }
  async find(id) { return this.rows.find((row) => row.id === id); }
  async add(note) { this.rows.push({ id: this.rows.length + 1, ...note }); return this.rows.at(-1); }
  async attach(id, attachment) { return Object.assign(await this.find(id), { attachment }); }
  async remove(id) { this.rows = this.rows.filter((row) => row.id !== id); }
  async reports() { return []; }
  async ping() {}
}

class FakeFiles {
  kept = new Map();
  async put(name, stream) { this.kept.set(name, await text(stream)); return this.kept.get(name).length; }
  async get(name) { return this.kept.has(name) ? Readable.from([this.kept.get(name)]) : null; }
  async remove(name) { this.kept.delete(name); }
}

const cache = { isReady: true, remember: (key, seconds, make) => make(), changed: async () => {} };
const parts = { notes: new FakeNotes(), files: new FakeFiles(), sessions: new Sessions('x'), cache };
let server, url;

before(async () => {
  server = createApp({ ...parts, statsToken: 'token' }).listen(0);
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

const send = (method, path, body, headers = {}) =>
  fetch(url + path, { method, body, headers: { 'content-type': 'application/json', ...headers } });

test('a note is written, read, and removed by its author alone', async () => {
  const made = await send('POST', '/api/notes', JSON.stringify({ text: ' Milk ' }));
  assert.equal(made.status, 201);
  const { id } = await made.json();
  const cookie = made.headers.get('set-cookie').split(';')[0];
  assert.equal((await (await fetch(`${url}/api/notes/${id}`)).json()).text, 'Milk');
  assert.equal((await send('DELETE', `/api/notes/${id}`)).status, 403);
  assert.equal((await send('DELETE', `/api/notes/${id}`, null, { cookie })).status, 204);
  assert.equal((await fetch(`${url}/api/notes/${id}`)).status, 404);
});

test('an attachment comes back as it was sent', async () => {
  const made = await send('POST', '/api/notes', JSON.stringify({ text: 'With a file' }));
  const { id } = await made.json();
  const headers = {
    cookie: made.headers.get('set-cookie').split(';')[0],
    'content-type': 'application/octet-stream',
  };
  const sent = await send('PUT', `/api/notes/${id}/attachment?name=a.txt`, 'abc', headers);
  assert.deepEqual((await sent.json()).attachment, { name: 'a.txt', size: 3 });
  assert.equal(await (await fetch(`${url}/api/notes/${id}/attachment`)).text(), 'abc');
});

test('an empty note and a broken body are refused', async () => {
  assert.equal((await send('POST', '/api/notes', '{"text": " "}')).status, 422);
  assert.equal((await send('POST', '/api/notes', '{')).status, 400);
});

test('a forged cookie is nobody', () => {
  const forged = { headers: { cookie: 'author=4f2c.0000' } };
  assert.equal(parts.sessions.read(forged), null);
});

test('reports want the token', async () => {
  assert.equal((await fetch(`${url}/api/reports`)).status, 401);
  const answer = await send('GET', '/api/reports', undefined, { authorization: 'Bearer token' });
  assert.equal(answer.status, 200);
});
