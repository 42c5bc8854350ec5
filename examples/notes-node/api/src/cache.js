// Redis: keeps the list of notes for a while, and tells every instance what has changed. Without it
// the service is slower and browsers are not told, but it serves.
import { createClient } from 'redis';
import { log } from './log.js';

const CHANNEL = 'notes';

export class Cache {
  constructor(url) {
    this.client = createClient({ url, disableOfflineQueue: true });
    this.subscriber = this.client.duplicate();
    for (const client of [this.client, this.subscriber]) {
      client.on('error', (error) => log('cache', { error: error.message || error.code }));
    }
  }

  start(onMessage) {
    this.client.connect().catch(() => {});
    this.subscriber
      .connect()
      .then(() => this.subscriber.subscribe(CHANNEL, onMessage))
      .catch((error) => log('cache', { error: error.message }));
  }

  get isReady() {
    return this.client.isReady;
  }

  async remember(key, seconds, make) {
    const known = await this.#quietly(() => this.client.get(key));
    if (known) return JSON.parse(known);
    const value = await make();
    await this.#quietly(() => this.client.set(key, JSON.stringify(value), { EX: seconds }));
    return value;
  }

  async changed(key, message) {
    await this.#quietly(() => this.client.del(key));
    await this.#quietly(() => this.client.publish(CHANNEL, JSON.stringify(message)));
  }

  stop() {
    this.client.destroy();
    this.subscriber.destroy();
  }

  async #quietly(work) {
    if (!this.isReady) return null;
    try {
      return await work();
    } catch (error) {
      log('cache', { error: error.message });
      return null;
    }
  }
}
