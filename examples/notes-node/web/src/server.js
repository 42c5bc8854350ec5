// Starts the page server, and on SIGTERM ends it after the requests it has.
import { createApp } from './app.js';

const port = Number(process.env.PORT ?? 3001);
const api = process.env.API_URL ?? 'http://localhost:3000';

function log(event, fields = {}) {
  console.log(JSON.stringify({ time: new Date().toISOString(), service: 'web', event, ...fields }));
}

async function latest() {
  const answer = await fetch(`${api}/api/notes`, { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`the API answered ${answer.status}`);
  return answer.json();
}

const server = createApp({ latest, log }).listen(port, () => log('listening', { port }));

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    log('stopping', { signal });
    server.close(() => process.exit(0));
  });
}
