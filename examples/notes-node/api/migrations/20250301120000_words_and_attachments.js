export async function up(knex) {
  await knex.schema.alterTable('notes', (table) => {
    table.integer('words');
    table.jsonb('attachment');
  });
}

export async function down(knex) {
  await knex.schema.alterTable('notes', (table) => {
    table.dropColumns('words', 'attachment');
  });
}
