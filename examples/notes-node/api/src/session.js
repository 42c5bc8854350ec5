// Who somebody is: a random id in a signed cookie, made with the first note.
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';

const COOKIE = 'author';

export class Sessions {
  constructor(secret) {
    this.secret = secret;
  }

  read(req) {
    const cookies = (req.headers.cookie ?? '').split(/; */).map((pair) => pair.split('='));
    const [id, signature] = (Object.fromEntries(cookies)[COOKIE] ?? '').split('.');
    if (!id || !signature) return null;
    const given = Buffer.from(signature);
    const right = Buffer.from(this.#sign(id));
    return given.length === right.length && timingSafeEqual(given, right) ? id : null;
  }

  begin(res) {
    const id = randomUUID();
    const options = { httpOnly: true, sameSite: 'lax', maxAge: 365 * 24 * 3600 * 1000 };
    res.cookie(COOKIE, `${id}.${this.#sign(id)}`, options);
    return id;
  }

  #sign(id) {
    return createHmac('sha256', this.secret).update(id).digest('hex');
  }
}
