package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"strings"

	_ "github.com/lib/pq"
)

func connect() (*sql.DB, error) {
	password, err := os.ReadFile("/run/secrets/db-password")
	if err != nil {
		return nil, err
	}
	return sql.Open("postgres", fmt.Sprintf("postgres://postgres:%s@db:5432/example?sslmode=disable", strings.TrimSpace(string(password))))
}

func main() {
	db, err := connect()
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/", func(writer http.ResponseWriter, _ *http.Request) {
		var name string
		if err := db.QueryRow("select current_user").Scan(&name); err != nil {
			http.Error(writer, err.Error(), 503)
			return
		}
		fmt.Fprintf(writer, "%s is in the database", name)
	})
	panic(http.ListenAndServe(":8000", nil))
}
