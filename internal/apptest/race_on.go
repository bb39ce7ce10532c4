//go:build race

package apptest

// RaceEnabled tells whether the tests run with the race detector.
const RaceEnabled = true
