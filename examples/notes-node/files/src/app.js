// PUT, GET and DELETE /files/NAME.
const NAME = /^\/files\/([A-Za-z0-9][A-Za-z0-9._-]{0,99})$/;

export function createHandler(store, log = () => {}) {
  return async (req, res) => {
    try {
      await handle(store, req, res);
    } catch (error) {
      log('error', { method: req.method, path: req.url, error: error.message });
      if (res.headersSent) res.destroy();
      else answer(res, 500, { error: 'something went wrong' });
    }
  };
}

async function handle(store, req, res) {
  if (req.url === '/healthz') return answer(res, 200, { ok: true });
  const name = NAME.exec(req.url)?.[1];
  if (!name) return answer(res, 404, { error: 'no such place' });
  if (req.method === 'PUT') return answer(res, 201, { size: await store.put(name, req) });
  if (req.method === 'DELETE') {
    await store.remove(name);
    return answer(res, 200, { ok: true });
  }
  const size = await store.size(name);
  if (size === null) return answer(res, 404, { error: 'no such file' });
  res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
  if (req.method === 'HEAD') return res.end();
  store.read(name).on('error', () => res.destroy()).pipe(res);
}

function answer(res, status, body) {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(body));
}
