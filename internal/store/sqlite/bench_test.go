package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store/sqlite"
)

func benchStore(b *testing.B) *sqlite.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "tw.db"), quiet)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

func BenchmarkKVSet(b *testing.B) {
	s := benchStore(b)
	for i := 0; b.Loop(); i++ {
		if err := s.KVSet(b.Context(), guild, fmt.Sprint("key", i%1000), khronos.Integer(int64(i)), []string{"s"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKVSet_parallel(b *testing.B) {
	s := benchStore(b)
	var n atomic.Int64
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			if err := s.KVSet(b.Context(), guild, fmt.Sprint("key", i%1000), khronos.Integer(i), []string{"s"}); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkKVGet(b *testing.B) {
	s := benchStore(b)
	for i := range 1000 {
		if err := s.KVSet(b.Context(), guild, fmt.Sprint("key", i), khronos.Integer(int64(i)), []string{"s"}); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; b.Loop(); i++ {
		if _, err := s.KVGet(b.Context(), guild, fmt.Sprint("key", i%1000), []string{"s"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKVFind finds 10 of 1000 keys by a suffix, so that all are looked at.
func BenchmarkKVFind(b *testing.B) {
	s := benchStore(b)
	for i := range 1000 {
		if err := s.KVSet(b.Context(), guild, fmt.Sprintf("key%03d", i), khronos.Integer(int64(i)), []string{"s"}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if found, err := s.KVFind(b.Context(), guild, "%77", []string{"s"}, 100); err != nil || len(found) != 10 {
			b.Fatal(len(found), err)
		}
	}
}
