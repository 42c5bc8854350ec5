require "webrick"
require_relative "database"

server = WEBrick::HTTPServer.new(Port: 8000, AccessLog: [], Logger: WEBrick::Log.new(nil, 0))
server.mount_proc("/up") { |_, response| response.body = "ok" }
server.mount_proc("/") do |_, response|
  response.body = ActiveRecord::Base.connection_pool.with_connection { Note.order(:text).pluck(:text).join(" ") }
end
trap("TERM") { server.shutdown }
server.start
