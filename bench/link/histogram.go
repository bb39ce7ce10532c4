package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are at most 1/32 wide.
type histogram struct {
	n       int
	buckets [64 * perPower]uint32
}

const perPower = 32 // buckets for each power of two

func bucketOf(ns uint64) int {
	if ns < perPower {
		return int(ns)
	}
	shift := bits.Len64(ns) - 6 // ns>>shift lies in [32, 64)
	return (shift+1)*perPower + int(ns>>shift) - perPower
}

// bucketStart is the smallest duration of a bucket.
func bucketStart(i int) float64 {
	if i < perPower {
		return float64(i)
	}
	shift := i/perPower - 1
	return float64(uint64(perPower+i%perPower) << shift)
}

func (h *histogram) add(d time.Duration) {
	h.n++
	h.buckets[bucketOf(uint64(max(d, 0)))]++
}

func (h *histogram) merge(o *histogram) {
	h.n += o.n
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
}

// quantile returns nanoseconds.
func (h *histogram) quantile(q float64) float64 {
	left := int(q * float64(h.n))
	for i, n := range h.buckets {
		if left -= int(n); left < 0 {
			return bucketStart(i)
		}
	}
	return 0
}
