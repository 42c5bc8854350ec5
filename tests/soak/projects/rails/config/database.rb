require "active_record"

ActiveRecord::Base.establish_connection(
  adapter: "postgresql", database: ENV.fetch("POSTGRES_DB", "hello"), pool: 5,
  host: ENV.fetch("POSTGRES_HOST", "postgres"), username: ENV["POSTGRES_USER"], password: ENV["POSTGRES_PASSWORD"]
)

class Note < ActiveRecord::Base
end
