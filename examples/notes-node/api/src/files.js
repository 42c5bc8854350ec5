// Attachments, kept by the service `files`.
import { Readable } from 'node:stream';

export class Files {
  constructor(url) {
    this.url = url;
  }

  async put(name, stream) {
    const answer = await fetch(`${this.url}/files/${name}`, {
      method: 'PUT',
      body: stream,
      duplex: 'half',
    });
    if (!answer.ok) throw new Error(`files answered ${answer.status}`);
    return (await answer.json()).size;
  }

  async get(name) {
    const answer = await fetch(`${this.url}/files/${name}`);
    return answer.ok ? Readable.fromWeb(answer.body) : null;
  }

  async remove(name) {
    await fetch(`${this.url}/files/${name}`, { method: 'DELETE' });
  }
}
