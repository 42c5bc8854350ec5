import { config } from './src/config.js';

export default {
  client: 'pg',
  connection: config.databaseUrl,
  pool: { min: 0, max: config.databasePool },
  migrations: { directory: './migrations', tableName: 'knex_migrations' },
};
