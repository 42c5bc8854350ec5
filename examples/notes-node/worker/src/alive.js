// For the health check: whether the worker has asked the database within the last half minute.
import { statSync } from 'node:fs';

const age = Date.now() - statSync('/tmp/alive').mtimeMs;
process.exit(age < 30_000 ? 0 : 1);
