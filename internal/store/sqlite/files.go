package sqlite

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var embedded embed.FS

// files are the migrations.
var files = func() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return sub
}()
