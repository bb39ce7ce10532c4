//go:build !linux

package apptest

import "os/exec"

// ownDisk exists on Linux only, and so do the tests that ask for it.
func ownDisk(*exec.Cmd, string, int64) *exec.Cmd {
	panic("BUG: a disk of its own is for tests on Linux")
}
