package tenant

import (
	"path/filepath"
	"strings"
	"testing"
)

// The three example templates run with their fixtures; KV lives through a test.
func TestExamples(t *testing.T) {
	type step struct {
		event, fixture string
		want           string // parts of the handler's value, separated by " & "; "null" alone
	}
	for _, tt := range []struct {
		name   string
		events []string
		steps  []step
		logs   []string
	}{
		{"levels", []string{"MESSAGE", "INTERACTION_CREATE"}, []step{
			{"INTERACTION_CREATE", "rank", `"Nobody has said anything yet." & "type":4`},
			{"MESSAGE", "message", `"points":15 & "level":0 & "counted":true & "level_up":false`},
			{"MESSAGE", "message", `"points":15 & "level":0 & "counted":false`},
			{"MESSAGE", "message_bot", `null`},
			{"INTERACTION_CREATE", "rank", `1. Mason: level 0, 15 points`},
		}, nil},
		{"raid-guard", []string{"GUILD_MEMBER_ADD", "MESSAGE", "WebGetSettings"}, []step{
			{"GUILD_MEMBER_ADD", "guild_member_add", `"action":"none" & "joins":1 & "young_account":false & "53908099506183680"`},
			{"GUILD_MEMBER_ADD", "guild_member_add_pending", `"action":"none" & "joins":2`},
			{"GUILD_MEMBER_ADD", "guild_member_add", `"joins":3`},
			{"GUILD_MEMBER_ADD", "guild_member_add", `"joins":4`},
			{"GUILD_MEMBER_ADD", "guild_member_add", `"action":"raise_verification" & "joins":5`},
			{"MESSAGE", "message", `"action":"none" & "messages":1 & "message_id":"1441093313861517312"`},
			{"MESSAGE", "message_bot", `"action":"none"`},
			{"MESSAGE", "message_mass_mention", `"action":"delete" & "messages":1`},
			{"WebGetSettings", "web_get_settings", `"id":"raid-guard" & "id":"join_limit" & "value":7`},
		}, []string{"raid-guard| 5 joins within 10 s: raise_verification"}},
		{"word-filter", []string{"MESSAGE", "MESSAGE_UPDATE", "GUILD_MEMBER_REMOVE"}, []step{
			{"MESSAGE", "clean", `{"action":"none"}`},
			{"MESSAGE", "invite", `"action":"warn" & "strikes":1 & "reason":"invite discord.gg/raiders-1"`},
			{"MESSAGE", "blocked_word", `"action":"timeout" & "strikes":2 & "reason":"word freenitro"`},
			{"MESSAGE_UPDATE", "message_update", `"action":"warn" & "strikes":1 & "reason":"invite discord.com/invite/raiders"`},
			{"MESSAGE", "invite", `"action":"kick" & "strikes":3`},
			{"GUILD_MEMBER_REMOVE", "guild_member_remove", `null`},
			{"MESSAGE", "invite", `"action":"warn" & "strikes":1`},
		}, []string{"word-filter| strike 2 for 167348773423415296: word freenitro"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			tpl := readTemplate(t, tt.name, tt.events...)
			w.door.put(guild(1), tpl)
			got := plain(t, w.inspect(tpl.Files).Value)
			for _, name := range tt.events {
				if !strings.Contains(got, `"`+name+`"`) {
					t.Errorf("inspection gives %s, want %s in it", got, name)
				}
			}
			for _, s := range tt.steps {
				data := readFile(t, filepath.Join("..", "..", "examples", tt.name, "fixtures", s.fixture+".json"))
				got := w.value(w.event(guild(1), s.event, string(data)))
				for part := range strings.SplitSeq(s.want, " & ") {
					if !strings.Contains(got, part) {
						t.Errorf("%s %s gives %s, want %s in it", s.event, s.fixture, got, part)
					}
				}
			}
			for _, line := range tt.logs {
				if !w.door.logged(line) {
					t.Errorf("log: %q, want %q", w.door.lines(), line)
				}
			}
		})
	}
}
