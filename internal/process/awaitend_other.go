//go:build !linux

package process

// awaitEnd returns false: here one cannot wait for a child and leave it
// unreaped, so what it may have started is not ended with it. Worker processes
// start none.
func awaitEnd(int) bool { return false }
