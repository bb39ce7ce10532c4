package auth_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/template-worker/template-worker/internal/auth"
	"github.com/template-worker/template-worker/internal/khronos"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func gate(key auth.Key) auth.Gate {
	return auth.Gate{Key: key, Roots: []khronos.Snowflake{1, 42}, Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func TestGate_Admit(t *testing.T) {
	key := auth.NewKey()
	sign := func(key auth.Key, user khronos.Snowflake) string {
		token, err := key.Sign(user, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := sign(key, 42)
	none := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.RegisteredClaims{Issuer: "template-worker", Subject: "1", Audience: jwt.ClaimStrings{"internal"}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))})
	unsigned, err := none.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, header, from string
		want               auth.Code
	}{
		{"good", "Internal " + good, "127.0.0.1", ""},
		{"mapped loopback", "Internal " + good, "::ffff:127.0.0.1", ""},
		{"no header", "", "127.0.0.1", auth.CodeNoAuthToken},
		{"other scheme", "Bearer " + good, "127.0.0.1", auth.CodeBadAuthHeader},
		{"lower case scheme", "internal " + good, "127.0.0.1", auth.CodeBadAuthHeader},
		{"no token", "Internal ", "127.0.0.1", auth.CodeBadAuthHeader},
		{"two words", "Internal a b", "127.0.0.1", auth.CodeBadAuthHeader},
		{"garbage", "Internal garbage", "127.0.0.1", auth.CodeInvalidToken},
		{"tampered", "Internal " + good[:len(good)-2] + "xx", "127.0.0.1", auth.CodeInvalidToken},
		{"other key", "Internal " + sign(auth.NewKey(), 42), "127.0.0.1", auth.CodeInvalidToken},
		{"unsigned", "Internal " + unsigned, "127.0.0.1", auth.CodeInvalidToken},
		{"not a root user", "Internal " + sign(key, 7), "127.0.0.1", auth.CodeRestricted},
		{"other address", "Internal " + good, "10.0.0.1", auth.CodeSourceRestricted},
		{"other address without a token", "", "10.0.0.1", auth.CodeSourceRestricted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			caller, err := gate(key).Admit(tc.header, netip.MustParseAddr(tc.from))
			if tc.want == "" {
				if err != nil || caller.User != 42 {
					t.Fatalf("got %v, %v, want user 42", caller, err)
				}
				return
			}
			var denied *auth.Denied
			if !errors.As(err, &denied) || denied.Code != tc.want {
				t.Fatalf("got %v, want %s", err, tc.want)
			}
			if strings.Contains(err.Error(), good) {
				t.Errorf("refusal shows the token: %v", err)
			}
		})
	}
}

func TestGate_AdmitExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := auth.NewKey()
		token, err := key.Sign(1, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		if _, err := gate(key).Admit("Internal "+token, loopback); err != nil {
			t.Fatalf("a second before expiry: %v", err)
		}
		time.Sleep(2 * time.Second)
		_, err = gate(key).Admit("Internal "+token, loopback)
		var denied *auth.Denied
		if !errors.As(err, &denied) || denied.Code != auth.CodeExpiredToken {
			t.Fatalf("a second after expiry: got %v, want %s", err, auth.CodeExpiredToken)
		}
	})
}

func TestLoadOrCreateKey(t *testing.T) {
	dir := t.TempDir()
	tokens := make([]string, 8)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			key, err := auth.LoadOrCreateKey(dir)
			if err != nil {
				t.Error(err)
				return
			}
			tokens[i], _ = key.Sign(1, time.Minute)
		})
	}
	wg.Wait()
	key, err := auth.LoadKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, token := range tokens {
		if _, err := gate(key).Admit("Internal "+token, loopback); err != nil {
			t.Errorf("creator %d made another key: %v", i, err)
		}
	}
	if got := fmt.Sprintf("%v %+v %#v", key, key, key); strings.Contains(got, "[") {
		t.Errorf("the key prints as %q", got)
	}

	path := filepath.Join(dir, "signing.key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: mode %v, %v, want 0600", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.LoadKey(dir); err == nil || !strings.Contains(err.Error(), "0644") {
		t.Errorf("readable key file: got %v, want a refusal that names its mode", err)
	}
}
