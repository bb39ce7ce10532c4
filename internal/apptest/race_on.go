//go:build race

package apptest

// raceEnabled tells whether the tests run with the race detector.
const raceEnabled = true
