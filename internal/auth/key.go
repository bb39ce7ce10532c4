// Package auth decides who may call the internal API.
//
// It owns the signing key, internal tokens and the rules of the Authorization
// header. It starts no goroutine, keeps no session state and never logs a token
// or a key. Times are wall clock, lifetimes are durations.
package auth

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyBytes is the length of the signing key: 256 bits, the size HS256 asks for.
const keyBytes = 32

// keyFile is the key's file name in the data folder.
const keyFile = "signing.key"

// Key signs and checks internal tokens. It is a secret: it has no String form worth printing.
type Key struct{ secret []byte }

// String keeps the key out of logs.
func (Key) String() string { return "auth.Key(secret)" }

// GoString keeps the key out of %#v.
func (Key) GoString() string { return "auth.Key(secret)" }

// NewKey makes a random key that lives as long as the process.
func NewKey() Key {
	secret := make([]byte, keyBytes)
	rand.Read(secret)
	return Key{secret}
}

// LoadOrCreateKey reads the key of a data folder, or makes one there with mode 0600.
// Two processes that create it at once end with the same key. It refuses a key
// file that others may read.
func LoadOrCreateKey(dataDir string) (Key, error) {
	key, err := LoadKey(dataDir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = NewKey()
	if err := createKeyFile(filepath.Join(dataDir, keyFile), key); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("create signing key: %w", err)
	}
	return LoadKey(dataDir)
}

// LoadKey reads the key of a data folder. A missing one is [fs.ErrNotExist].
func LoadKey(dataDir string) (Key, error) {
	path := filepath.Join(dataDir, keyFile)
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("read signing key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("read signing key %s: mode %04o lets others read it; want 0600", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("read signing key: %w", err)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != keyBytes {
		return Key{}, fmt.Errorf("read signing key %s: want %d hex digits", path, 2*keyBytes)
	}
	return Key{secret}, nil
}

// createKeyFile writes the key under a temporary name and links it into place,
// so that a reader never sees half a key.
func createKeyFile(path string, key Key) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), keyFile+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(hex.EncodeToString(key.secret) + "\n")
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Link(tmp.Name(), path)
}
