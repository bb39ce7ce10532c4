package host

import (
	"sync"
	"time"
	_ "time/tzdata" // the IANA database: a worker may see no other

	"github.com/template-worker/template-worker/luau"
)

// locations are the time zones that scripts have named, by their names. There are
// some 600; only those that exist are kept. It is safe for concurrent use.
var locations sync.Map // string to *time.Location

const (
	maxZoneName  = 64     // longer than any name of a time zone
	loadZoneFuel = 15_000 // what looking a zone up costs that is not kept
)

// location gives a time zone of the IANA database.
func location(c *luau.Call, name string) (*time.Location, error) {
	if loc, ok := locations.Load(name); ok {
		return loc.(*time.Location), nil
	}
	if name == "" || name == "Local" || len(name) > maxZoneName {
		return nil, noZone(name)
	}
	if err := c.Charge(loadZoneFuel); err != nil {
		return nil, err
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, noZone(name)
	}
	locations.Store(name, loc)
	return loc, nil
}

func noZone(name string) error {
	if len(name) > maxZoneName {
		name = name[:maxZoneName] + "..."
	}
	return unfitf("there is no time zone %q", name)
}

// zoneArg gives the time zone that argument i is.
func zoneArg(c *luau.Call, i int) (*time.Location, error) {
	return location(c, string(c.Arg(i).AsUserdata().Data().(timezone)))
}

// offsets gives a moment's offset from UTC in seconds: that of the zone's standard
// time, and what daylight saving adds. Where it lasts all year it counts as an hour.
func offsets(t time.Time) (standard, extra int) {
	_, offset := t.Zone()
	if !t.IsDST() {
		return offset, 0
	}
	start, end := t.ZoneBounds() // zero when there is none
	if before := start.Add(-time.Second); !start.IsZero() && !before.IsDST() {
		_, standard = before.Zone()
		return standard, offset - standard
	}
	if !end.IsZero() && !end.IsDST() {
		_, standard = end.Zone()
		return standard, offset - standard
	}
	return offset - 3600, 3600
}

// moments gives the moments at which clocks in a zone show a date and time, in
// their order: none when they skip it, two when they show it twice. civil has them
// in UTC.
func moments(civil time.Time, loc *time.Location) []time.Time {
	var found []time.Time
	for _, near := range []time.Duration{-36 * time.Hour, 36 * time.Hour} {
		_, offset := civil.Add(near).In(loc).Zone()
		t := civil.Add(-time.Duration(offset) * time.Second).In(loc)
		if _, actual := t.Zone(); actual == offset && (len(found) == 0 || !found[0].Equal(t)) {
			found = append(found, t)
		}
	}
	if len(found) == 2 && found[1].Before(found[0]) {
		found[0], found[1] = found[1], found[0]
	}
	return found
}
