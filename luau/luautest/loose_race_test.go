//go:build race

package luautest

// loose is larger under the race detector, which slows the machine down.
const loose = 40
