// Everything this service is told from outside.
function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

export const config = {
  port: Number(process.env.PORT ?? 3000),
  databaseUrl: required('DATABASE_URL'),
  databasePool: Number(process.env.DATABASE_POOL ?? 5),
  redisUrl: process.env.REDIS_URL ?? 'redis://localhost:6379',
  filesUrl: process.env.FILES_URL ?? 'http://localhost:3002',
  sessionSecret: required('SESSION_SECRET'),
  statsToken: required('STATS_TOKEN'),
};
