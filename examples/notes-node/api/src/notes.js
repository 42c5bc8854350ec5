// Notes as they are kept in PostgreSQL.
const COLUMNS = ['id', 'author', 'text', 'words', 'attachment', 'created_at'];

export class Notes {
  constructor(knex) {
    this.knex = knex;
  }

  latest(limit = 50) {
    return this.knex('notes').select(COLUMNS).orderBy('id', 'desc').limit(limit);
  }

  find(id) {
    return this.knex('notes').select(COLUMNS).where({ id }).first();
  }

  async add({ author, text }) {
    const [note] = await this.knex('notes').insert({ author, text }, COLUMNS);
    return note;
  }

  async attach(id, attachment) {
    const [note] = await this.knex('notes').where({ id }).update({ attachment }, COLUMNS);
    return note;
  }

  remove(id) {
    return this.knex('notes').where({ id }).delete();
  }

  reports(limit = 30) {
    return this.knex('reports').select('day', 'notes', 'words').orderBy('day', 'desc').limit(limit);
  }

  ping() {
    return this.knex.raw('select 1');
  }
}
