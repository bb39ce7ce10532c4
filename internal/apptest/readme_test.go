package apptest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/apptest"
)

// The README's first template does what the README says.
func TestREADME_FirstTemplate(t *testing.T) {
	readme, err := os.ReadFile(apptest.Root("README.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```lua\n(.*?)```").FindSubmatch(readme)
	manifest := regexp.MustCompile("`(capabilities = .*?)`").FindSubmatch(readme)
	data := regexp.MustCompile(`run greeter --event GUILD_MEMBER_ADD --data '(.*?)'`).FindSubmatch(readme)
	if code == nil || manifest == nil || data == nil {
		t.Fatal("the README has no first template, manifest or command any more")
	}
	dir := filepath.Join(t.TempDir(), "greeter")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"init.luau": code[1], "template.toml": manifest[1]} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, errOut, exit := apptest.RunCommand(t, "run", dir, "--event", "GUILD_MEMBER_ADD", "--data", string(data[1]))
	if exit != 0 || !strings.Contains(out, "Welcome ann, you are number 1!") || !strings.Contains(errOut, "greeting") {
		t.Errorf("exit %d, out %q, err %q", exit, out, errOut)
	}
}

// Every fixture of every example is taken by the handler it is for.
func TestExamples_Fixtures(t *testing.T) {
	event := map[string]string{
		"guild_member_add": "GUILD_MEMBER_ADD", "guild_member_remove": "GUILD_MEMBER_REMOVE", "message_update": "MESSAGE_UPDATE",
		"web_get_settings": "WebGetSettings", "rank": "INTERACTION_CREATE", "remind": "INTERACTION_CREATE",
	}
	fixtures, err := filepath.Glob(apptest.Root("examples", "*", "fixtures", "*.json"))
	if err != nil || len(fixtures) < 12 {
		t.Fatalf("found %d fixtures, %v", len(fixtures), err)
	}
	for _, path := range fixtures {
		name := "MESSAGE"
		for prefix, e := range event {
			if strings.HasPrefix(filepath.Base(path), prefix) {
				name = e
			}
		}
		out, errOut, exit := apptest.RunCommand(t, "run", filepath.Dir(filepath.Dir(path)), "--event", name, "--data", "@"+path)
		if exit != 0 || out == "" {
			t.Errorf("%s: exit %d, out %q, err %q", path, exit, out, errOut)
		}
	}
}

// The tests of every example pass and reach nearly every line of it.
func TestExamples_Tests(t *testing.T) {
	folders, err := filepath.Glob(apptest.Root("examples", "*", "template.toml"))
	if err != nil || len(folders) < 4 {
		t.Fatalf("found %d examples, %v", len(folders), err)
	}
	for _, manifest := range folders {
		out, errOut, exit := apptest.RunCommand(t, "test", filepath.Dir(manifest), "--cover", "--json")
		var report struct {
			Tests  []struct{ Name string }
			Failed int
			Cover  []struct {
				File           string
				Lines, Reached int
			}
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil || exit != 0 || report.Failed != 0 || len(report.Tests) < 3 {
			t.Errorf("%s: exit %d, %v, %s%s", manifest, exit, err, out, errOut)
		}
		for _, c := range report.Cover {
			if c.Reached*10 < c.Lines*9 || c.Lines == 0 {
				t.Errorf("%s: %s: %d of %d lines reached", manifest, c.File, c.Reached, c.Lines)
			}
		}
	}
}
