package registry

import "github.com/template-worker/template-worker/internal/khronos"

// Bucket names what pays for an operation: a token bucket of the tenant, which
// its templates share.
type Bucket uint8

// The buckets. The zero one is free: the operation is cheap and not counted.
const (
	Free Bucket = iota
	BucketKV
	BucketRuntime
	BucketEvents
	BucketGlobalKV
	BucketHTTP
	BucketN
)

// Quota is a token bucket: it holds Burst tokens when full, a call takes one, and
// one comes back after each Refill. (One token per period, not a full bucket per
// period.) Both name limits.
type Quota struct {
	Name   string // as refusals call it
	Burst  string
	Refill string
}

// Quotas says how each bucket is filled, but for Free.
var Quotas = map[Bucket]Quota{
	BucketKV:       {"KV", "kv_burst", "kv_refill"},
	BucketGlobalKV: {"GlobalKV", "globalkv_burst", "globalkv_refill"},
	BucketRuntime:  {"Runtime", "runtime_burst", "runtime_refill"},
	BucketEvents:   {"Events", "event_burst", "event_refill"},
	BucketHTTP:     {"HTTP", "http_burst", "http_refill"},
}

// TokensOf returns how many tokens of its bucket a call of f with args takes.
func (f *Function) TokensOf(args []khronos.Value) int {
	if f.Tokens == "" {
		return 1
	}
	return args[f.arg(f.Tokens)].Len()
}

func (b Bucket) quota() (Quota, bool) {
	q, ok := Quotas[b]
	return q, ok
}
