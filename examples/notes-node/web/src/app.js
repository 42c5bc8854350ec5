// The page, made on the server from what the API says.
import { fileURLToPath } from 'node:url';
import ejs from 'ejs';
import express from 'express';

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

export function createApp({ latest, log }) {
  const app = express();
  app.disable('x-powered-by');
  app.engine('ejs', ejs.renderFile);
  app.set('view engine', 'ejs');
  app.set('views', here('views'));
  app.use('/static', express.static(here('public'), { maxAge: '5m' }));

  app.get('/health', (req, res) => res.json({ ok: true }));

  app.get('/', async (req, res) => {
    res.render('index', { notes: await latest() });
  });

  app.use((error, req, res, next) => {
    log('error', { path: req.path, error: error.message });
    if (res.headersSent) return next(error);
    res.status(502).send('The notes cannot be read just now.');
  });

  return app;
}
