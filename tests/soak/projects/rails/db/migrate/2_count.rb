class Count < ActiveRecord::Migration[7.2]
  def change
    add_column :notes, :words, :integer
  end
end
