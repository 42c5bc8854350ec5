export async function up(knex) {
  await knex.schema.createTable('notes', (table) => {
    table.increments('id');
    table.uuid('author').notNullable();
    table.text('text').notNullable();
    table.timestamp('created_at').notNullable().defaultTo(knex.fn.now());
  });
}

export async function down(knex) {
  await knex.schema.dropTable('notes');
}
