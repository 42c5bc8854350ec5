// Starts the API, and on SIGTERM ends it after the requests it has.
import { createServer } from 'node:http';
import knex from 'knex';
import knexfile from '../knexfile.js';
import { createApp } from './app.js';
import { Cache } from './cache.js';
import { config } from './config.js';
import { Files } from './files.js';
import { log } from './log.js';
import { Notes } from './notes.js';
import { Sessions } from './session.js';
import { Sockets } from './sockets.js';

const database = knex(knexfile);
const cache = new Cache(config.redisUrl);
const state = { isStopping: false };
const app = createApp({
  notes: new Notes(database),
  cache,
  files: new Files(config.filesUrl),
  sessions: new Sessions(config.sessionSecret),
  statsToken: config.statsToken,
  state,
});
const server = createServer(app);
const sockets = new Sockets(server);

cache.start((message) => sockets.tell(message));
server.listen(config.port, () => log('listening', { port: config.port }));

function stop(signal) {
  if (state.isStopping) return;
  state.isStopping = true;
  log('stopping', { signal });
  sockets.stop();
  server.close(async () => {
    cache.stop();
    await database.destroy();
    log('stopped');
    process.exit(0);
  });
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
