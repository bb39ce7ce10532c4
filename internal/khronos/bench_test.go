package khronos

import (
	"encoding/json"
	"testing"
)

// message is the shape of a gateway event: mostly strings and small objects.
const message = `{"id":"1234567890123456789","type":0,"content":"hello \"world\"","channel_id":"1234567890123456788","author":{"id":"728871946456137770",` +
	`"username":"someone","discriminator":"0","avatar":"a_0123456789abcdef0123456789abcdef","global_name":null,"bot":false},"attachments":[],"embeds":[],` +
	`"mentions":[{"id":"1","username":"a"},{"id":"2","username":"b"}],"mention_roles":["3","4"],"pinned":false,"mention_everyone":false,"tts":false,` +
	`"timestamp":"2026-02-24T01:27:16.500000+00:00","edited_timestamp":null,"flags":0,"components":[],"guild_id":"123","member":{"roles":["5","6","7"],` +
	`"joined_at":"2020-01-01T00:00:00Z","deaf":false,"mute":false,"nick":null}}`

func benchmarkForms(b *testing.B) (v Value, tagged, msg []byte) {
	v, err := FromPlainJSON([]byte(message), MaxJSONDepth)
	if err != nil {
		b.Fatal(err)
	}
	if tagged, err = v.MarshalJSON(); err != nil {
		b.Fatal(err)
	}
	if msg, err = v.AppendMsg(nil); err != nil {
		b.Fatal(err)
	}
	return v, tagged, msg
}

func run(b *testing.B, bytes int, f func() error) {
	b.ReportAllocs()
	b.SetBytes(int64(bytes))
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	v, tagged, msg := benchmarkForms(b)
	var buf []byte
	plain := []byte(message)
	b.Run("JSONPayload", func(b *testing.B) {
		run(b, len(plain), func() error { _, err := JSONPayload(plain); return err })
	})
	b.Run("stdlib any", func(b *testing.B) {
		run(b, len(plain), func() error { var out any; return json.Unmarshal(plain, &out) })
	})
	b.Run("FromPlainJSON", func(b *testing.B) {
		run(b, len(plain), func() error { _, err := FromPlainJSON(plain, MaxJSONDepth); return err })
	})
	b.Run("ParseJSON", func(b *testing.B) {
		run(b, len(tagged), func() error { _, err := ParseJSON(tagged, MaxDepth); return err })
	})
	b.Run("AppendJSON", func(b *testing.B) {
		run(b, len(tagged), func() (err error) { buf, err = v.AppendJSON(buf[:0]); return err })
	})
	b.Run("AppendMsg", func(b *testing.B) {
		run(b, len(msg), func() (err error) { buf, err = v.AppendMsg(buf[:0]); return err })
	})
	b.Run("ReadMsg", func(b *testing.B) {
		run(b, len(msg), func() error { _, _, err := ReadMsg(msg, MaxDepth); return err })
	})
	b.Run("WalkMsg", func(b *testing.B) {
		run(b, len(msg), func() error { _, err := WalkMsg(msg, MaxDepth, discard{}); return err })
	})
}
