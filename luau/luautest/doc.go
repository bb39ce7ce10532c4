// Package luautest runs scripts as tests.
//
// Script tests say what they expect on the line, see [RunScripts]. The
// reference's conformance suite is run from a folder of the caller's, see
// [Cases]; its files are not part of this repository. The package starts no
// goroutine.
package luautest
