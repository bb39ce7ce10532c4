//go:build !luau_checked

package luau_test

// checkedBuild tells whether this build checks memory accesses.
const checkedBuild = false
