package feed

import (
	"sync"
	"testing"
)

func TestFeed(t *testing.T) {
	var f Feed[string, int]
	f.Publish("a", 1) // nobody follows
	a, a2, b := f.Follow("a", 2), f.Follow("a", 9), f.Follow("b", 2)
	if !f.Followed("a") || f.Followed("c") {
		t.Error("a is followed and c is not")
	}
	for i := range 5 {
		f.Publish("a", i)
	}
	if got := drain(a); len(got) != 2 || got[0] != 0 || got[1] != 1 {
		t.Errorf("the short buffer holds %v, want the first two", got)
	}
	if got := a.Lost(); got != 3 {
		t.Errorf("%d lost, want 3", got)
	}
	if got := a.Lost(); got != 0 {
		t.Errorf("%d lost when asked again, want 0", got)
	}
	if got := drain(a2); len(got) != 5 || a2.Lost() != 0 {
		t.Errorf("the long buffer holds %v, want all", got)
	}
	if got := drain(b); len(got) != 0 {
		t.Errorf("the other key got %v", got)
	}
	for range 2 {
		a.Close()
	}
	a2.Close()
	if f.Followed("a") || !f.Followed("b") {
		t.Error("a is followed after both have closed, or b is not")
	}
	b.Close()
	if len(f.followers) != 0 || f.count.Load() != 0 {
		t.Errorf("%d keys and %d followers left", len(f.followers), f.count.Load())
	}
}

func TestFeed_Concurrent(t *testing.T) {
	var f Feed[int, int]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				w := f.Follow(i%3, 4)
				f.Publish(i%3, i)
				if got := drain(w); len(got) == 0 {
					t.Error("missed its own item")
				}
				w.Close()
			}
		})
	}
	wg.Wait()
	if f.count.Load() != 0 {
		t.Errorf("%d followers left", f.count.Load())
	}
}

func drain[K comparable, T any](w *Follower[K, T]) []T {
	var got []T
	for {
		select {
		case item := <-w.Items():
			got = append(got, item)
		default:
			return got
		}
	}
}
