package syntax

import (
	"strings"
	"testing"
)

// benchUnit is ordinary script text: functions, tables, calls, strings, numbers and types.
const benchUnit = `
-- adds the two numbers and remembers the result
local function add_%d(first: number, second: number?): number
	local total = first + (second or 0) * 2 - 1
	if total > 100 and first ~= second then
		total -= math.floor(total / 3)
	elseif total == 0 then
		return 0
	end
	for index, entry in ipairs(history) do
		history[index] = { name = entry.name, value = entry.value + total, "positional" }
		log:info("entry " .. entry.name, index, entry.value)
	end
	return total
end
results.last = add_%d(1.5, 0xff) -- done
print(` + "`total is {results.last} of {#history}`" + `)
`

func BenchmarkParse(b *testing.B) {
	src := []byte(strings.Repeat("do "+strings.ReplaceAll(benchUnit, "%d", "1")+" end\n", 200))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("bench", src, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse_Small shows the fixed cost of one parse.
func BenchmarkParse_Small(b *testing.B) {
	src := []byte("return event.name == 'ready' and 1 or nil")
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("bench", src, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan measures the lexer alone.
func BenchmarkScan(b *testing.B) {
	src := []byte(strings.Repeat(strings.ReplaceAll(benchUnit, "%d", "1"), 200))
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		l := newLexer(src)
		var t token
		for l.scan(&t); t.kind != tokEOF; l.scan(&t) {
		}
	}
}
