// Starts the store of uploads, and on SIGTERM ends it after the requests it has.
import { createServer } from 'node:http';
import { createHandler } from './app.js';
import { Store } from './store.js';

const port = Number(process.env.PORT ?? 3002);

function log(event, fields = {}) {
  console.log(JSON.stringify({ time: new Date().toISOString(), service: 'files', event, ...fields }));
}

const server = createServer(createHandler(new Store(process.env.UPLOADS ?? '/data'), log));
server.listen(port, () => log('listening', { port }));

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    log('stopping', { signal });
    server.close(() => process.exit(0));
  });
}
