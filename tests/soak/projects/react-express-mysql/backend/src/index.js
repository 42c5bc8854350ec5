const fs = require('fs');
const mysql = require('mysql2/promise');

const pool = mysql.createPool({
  host: process.env.DATABASE_HOST,
  user: 'root',
  database: 'example',
  password: fs.readFileSync(process.env.DATABASE_PASSWORD, 'utf8').trim(),
});
const app = require('express')();

app.get('/api/tables', async (_, response) => {
  try {
    await pool.query('create table if not exists written (name varchar(80) primary key)');
    await pool.query("insert ignore into written values ('backend')");
    response.json((await pool.query('select name from written'))[0]);
  } catch (error) {
    response.status(503).send(String(error));
  }
});
app.listen(80);
