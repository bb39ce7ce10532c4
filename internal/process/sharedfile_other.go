//go:build !linux

package process

import "os"

// sharedFile makes a file without a name.
func sharedFile(string) (*os.File, error) {
	f, err := os.CreateTemp("", "template-worker-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
