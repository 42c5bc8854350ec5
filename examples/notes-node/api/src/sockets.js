// Browsers that listen: each is told what has changed, whichever instance it is connected to.
import { WebSocketServer } from 'ws';

export class Sockets {
  constructor(server) {
    this.server = new WebSocketServer({ server, path: '/ws' });
    this.server.on('connection', (socket) => {
      socket.isAlive = true;
      socket.on('pong', () => (socket.isAlive = true));
      socket.on('error', () => socket.terminate());
    });
    this.timer = setInterval(() => this.#ping(), 30_000);
  }

  tell(message) {
    for (const socket of this.server.clients) socket.send(message);
  }

  stop() {
    clearInterval(this.timer);
    for (const socket of this.server.clients) socket.close(1012, 'restarting');
    this.server.close();
  }

  #ping() {
    for (const socket of this.server.clients) {
      if (!socket.isAlive) socket.terminate();
      socket.isAlive = false;
      socket.ping();
    }
  }
}
