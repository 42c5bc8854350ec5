// The HTTP interface.
import express from 'express';
import { log } from './log.js';

const LATEST = 'notes:latest';

export function createApp({ notes, cache, files, sessions, statsToken, state = {} }) {
  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '100kb' }));

  app.get('/healthz', async (req, res) => {
    await notes.ping();
    const status = state.isStopping ? 503 : 200;
    res.status(status).json({ ok: status === 200, cache: cache.isReady ? 'up' : 'down' });
  });

  app.get('/api/notes', async (req, res) => {
    res.json(await cache.remember(LATEST, 30, () => notes.latest()));
  });

  app.post('/api/notes', async (req, res) => {
    const text = String(req.body?.text ?? '').trim();
    if (!text || text.length > 5000) return res.status(422).json({ error: 'text is needed' });
    const author = sessions.read(req) ?? sessions.begin(res);
    const note = await notes.add({ author, text });
    await cache.changed(LATEST, { changed: note.id });
    res.status(201).json(note);
  });

  app.param('id', async (req, res, next, id) => {
    req.note = /^\d{1,9}$/.test(id) ? await notes.find(Number(id)) : null;
    if (!req.note) return res.status(404).json({ error: 'no such note' });
    next();
  });

  app.get('/api/notes/:id', (req, res) => res.json(req.note));

  app.delete('/api/notes/:id', async (req, res) => {
    if (sessions.read(req) !== req.note.author) {
      return res.status(403).json({ error: 'the note is not yours' });
    }
    if (req.note.attachment) await files.remove(req.note.id);
    await notes.remove(req.note.id);
    await cache.changed(LATEST, { changed: req.note.id });
    res.status(204).end();
  });

  app.put('/api/notes/:id/attachment', async (req, res) => {
    if (sessions.read(req) !== req.note.author) {
      return res.status(403).json({ error: 'the note is not yours' });
    }
    const size = await files.put(req.note.id, req);
    const name = String(req.query.name ?? 'attachment').slice(0, 200);
    const note = await notes.attach(req.note.id, { name, size });
    await cache.changed(LATEST, { changed: note.id });
    res.json(note);
  });

  app.get('/api/notes/:id/attachment', async (req, res) => {
    const stream = req.note.attachment && (await files.get(req.note.id));
    if (!stream) return res.status(404).json({ error: 'no attachment' });
    res.attachment(req.note.attachment.name);
    res.type('application/octet-stream');
    stream.on('error', () => res.destroy()).pipe(res);
  });

  app.get('/api/reports', async (req, res) => {
    if (req.get('authorization') !== `Bearer ${statsToken}`) return res.status(401).end();
    res.json(await notes.reports());
  });

  app.use((error, req, res, next) => {
    log('error', { method: req.method, path: req.path, error: error.message });
    if (res.headersSent) return next(error);
    const status = error.status ?? 500;
    res.status(status).json({ error: status < 500 ? error.message : 'something went wrong' });
  });

  return app;
}
