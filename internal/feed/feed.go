// Package feed hands what happens under a key on to whoever follows that key
// right now.
//
// Publishing never waits: a follower that does not read loses what its buffer
// cannot hold, and is told how much. The package keeps nothing for later and
// starts no goroutine.
package feed

import (
	"sync"
	"sync/atomic"
)

// Feed is one kind of happening, T, by key. The zero value is ready. It is safe
// for concurrent use.
type Feed[K comparable, T any] struct {
	count atomic.Int64 // of followers: nobody follows most keys most of the time

	mu        sync.Mutex // mu guards the field below
	followers map[K]map[*Follower[K, T]]struct{}
}

// Follower gets what is published under one key from Follow to Close.
type Follower[K comparable, T any] struct {
	feed *Feed[K, T]
	key  K
	c    chan T
	lost atomic.Int64
}

// Follow begins to follow key, with room for buffer items that have not been
// read. The caller closes the Follower.
func (f *Feed[K, T]) Follow(key K, buffer int) *Follower[K, T] {
	w := &Follower[K, T]{feed: f, key: key, c: make(chan T, buffer)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers == nil {
		f.followers = map[K]map[*Follower[K, T]]struct{}{}
	}
	if f.followers[key] == nil {
		f.followers[key] = map[*Follower[K, T]]struct{}{}
	}
	f.followers[key][w] = struct{}{}
	f.count.Add(1)
	return w
}

// Followed says whether anybody follows key: if not, an item for it need not be
// made.
func (f *Feed[K, T]) Followed(key K) bool {
	if f.count.Load() == 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.followers[key]) > 0
}

// Publish gives item to those who follow key. It does not wait.
func (f *Feed[K, T]) Publish(key K, item T) {
	if f.count.Load() == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.followers[key] {
		select {
		case w.c <- item:
		default:
			w.lost.Add(1)
		}
	}
}

// Items is where they arrive, in the order in which they were published.
func (w *Follower[K, T]) Items() <-chan T { return w.c }

// Lost returns how many items had no room since it was called last.
func (w *Follower[K, T]) Lost() int64 { return w.lost.Swap(0) }

// Close ends the following; what has arrived can still be read. It may be
// called often.
func (w *Follower[K, T]) Close() {
	f := w.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, follows := f.followers[w.key][w]; !follows {
		return
	}
	delete(f.followers[w.key], w)
	if len(f.followers[w.key]) == 0 {
		delete(f.followers, w.key)
	}
	f.count.Add(-1)
}
