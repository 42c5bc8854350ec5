Rails.application
