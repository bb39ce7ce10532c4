package khronos

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseSnowflake(t *testing.T) {
	for s, want := range map[string]Snowflake{
		"1": 1, "728871946456137770": 728871946456137770, "18446744073709551615": math.MaxUint64,
	} {
		if got, err := ParseSnowflake(s); err != nil || got != want || got.String() != s {
			t.Errorf("%q: got %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "01", "+1", "-1", " 1", "1 ", "1_0", "0x1", "1e3", "18446744073709551616", "١", strings.Repeat("9", 5000)} {
		if got, err := ParseSnowflake(s); err == nil || got != 0 || len(err.Error()) > 200 {
			t.Errorf("%.20q: got %d, %v", s, got, err)
		}
	}
}

func TestParseTenantID(t *testing.T) {
	for s, want := range map[string]TenantID{
		"guild:123": {TenantGuild, 123}, "user:18446744073709551615": {TenantUser, math.MaxUint64},
	} {
		if got, err := ParseTenantID(s); err != nil || got != want || got.String() != s {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "guild", "guild:", ":1", "Guild:1", "guild:0", "guild:01", "guild: 1", "guild:1:2", "bot:1", "guild:1\n"} {
		if got, err := ParseTenantID(s); err == nil || !got.IsZero() {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
}

func TestTenantID_text(t *testing.T) {
	in := map[TenantID]Snowflake{{TenantUser, 7}: 8}
	b, err := json.Marshal(in)
	if err != nil || string(b) != `{"user:7":"8"}` {
		t.Fatalf("got %s, %v", b, err)
	}
	var out map[TenantID]Snowflake
	if err := json.Unmarshal(b, &out); err != nil || out[TenantID{TenantUser, 7}] != 8 {
		t.Errorf("got %v, %v", out, err)
	}
	for _, id := range []TenantID{{}, {TenantGuild, 0}, {3, 1}} {
		if b, err := id.MarshalText(); err == nil {
			t.Errorf("%v written as %s", id, b)
		}
	}
	if err := new(TenantID).UnmarshalText([]byte("x")); err == nil {
		t.Error("no error")
	}
}

func TestTenantID_Slot(t *testing.T) {
	for _, c := range []struct {
		id   Snowflake
		n    int
		want int
	}{{1 << 22, 4, 1}, {1<<22 - 1, 4, 0}, {5<<22 | 99, 4, 1}, {math.MaxUint64, 7, int(uint64(math.MaxUint64>>22) % 7)}, {9 << 22, 1, 0}} {
		for _, kind := range []TenantKind{TenantGuild, TenantUser} {
			if got := (TenantID{kind, c.id}).Slot(c.n); got != c.want {
				t.Errorf("%d among %d: got %d, want %d", c.id, c.n, got, c.want)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("slot among 0: no panic")
		}
	}()
	TenantID{TenantGuild, 1}.Slot(0)
}

func TestTenantID_roundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := TenantID{
			Kind: rapid.SampledFrom([]TenantKind{TenantGuild, TenantUser}).Draw(t, "kind"),
			ID:   Snowflake(rapid.Uint64Min(1).Draw(t, "id")),
		}
		if got, err := ParseTenantID(id.String()); err != nil || got != id {
			t.Fatalf("%v: got %v, %v", id, got, err)
		}
	})
}

func FuzzParseTenantID(f *testing.F) {
	f.Add("guild:123")
	f.Add("user:0")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseTenantID(s)
		if err == nil && (id.String() != s || !id.Valid()) {
			t.Errorf("%q read as %v", s, id)
		}
		if err != nil && !id.IsZero() {
			t.Errorf("%q: error and %v", s, id)
		}
	})
}
