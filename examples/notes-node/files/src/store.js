// Files by name in one folder. A file is written beside its place and moved there when it is whole.
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

export class Store {
  constructor(folder) {
    this.folder = folder;
  }

  async put(name, stream) {
    const draft = join(this.folder, `.${randomUUID()}`);
    try {
      await pipeline(stream, createWriteStream(draft));
      await rename(draft, join(this.folder, name));
    } finally {
      await rm(draft, { force: true });
    }
    return this.size(name);
  }

  async size(name) {
    const found = await stat(join(this.folder, name)).catch(() => null);
    return found?.size ?? null;
  }

  read(name) {
    return createReadStream(join(this.folder, name));
  }

  remove(name) {
    return rm(join(this.folder, name), { force: true });
  }
}
