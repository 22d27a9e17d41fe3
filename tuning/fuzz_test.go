package tuning

import (
	"errors"
	"testing"
)

// FuzzSet: any key with any text is refused, or gives the value that Get gives
// back, within its range.
func FuzzSet(f *testing.F) {
	p, err := Named(Balanced)
	if err != nil {
		f.Fatal(err)
	}
	for _, row := range p.Explain() {
		f.Add(row.Key, row.Value)
		f.Add(row.Key, row.Max)
	}
	f.Add("tick_micros", "+5000")
	f.Fuzz(func(t *testing.T, key, value string) {
		p, err := Named(Balanced)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Set(key, value); err != nil {
			if !errors.Is(err, ErrProfile) {
				t.Fatalf("%v is no refusal", err)
			}
			return
		}
		got, ok := p.Get(key)
		if !ok {
			t.Fatalf("%q was set and is not there", key)
		}
		if n := numberOf(key); n != nil {
			if v := *n.at(&p); v < n.min || v > n.max {
				t.Fatalf("%s is %d after %q, outside %d to %d", key, v, value, n.min, n.max)
			}
		} else if got != value {
			t.Fatalf("%s is %q after %q", key, got, value)
		}
	})
}
