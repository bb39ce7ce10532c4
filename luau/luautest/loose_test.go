//go:build !race

package luautest

// loose is how many times longer than promised a wall clock measurement may show:
// tests share their processors with others.
const loose = 5
