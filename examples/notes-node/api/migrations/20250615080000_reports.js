export async function up(knex) {
  await knex.schema.createTable('reports', (table) => {
    table.date('day').primary();
    table.integer('notes').notNullable();
    table.integer('words').notNullable();
  });
}

export async function down(knex) {
  await knex.schema.dropTable('reports');
}
