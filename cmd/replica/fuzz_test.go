package main

import (
	"fmt"
	"strings"
	"testing"

	"quorate/tuning"
)

// FuzzSettings: a configuration is refused with its line, or gives settings that
// are all within their ranges and that, written again, give the same.
func FuzzSettings(f *testing.F) {
	f.Add(string(configText(tuning.Balanced, 9464, 64)))
	f.Add("profile: wan\ntick_micros: 2000\n")
	f.Add("tick_micros: &a 2000\nview_change_ticks: *a\n")
	f.Add("# nothing\n---\n...\n")
	f.Add("{profile: dev, metrics_addr: ''}")
	f.Fuzz(func(t *testing.T, text string) {
		layer, err := parseSettings("config.yaml", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "config.yaml") {
				t.Fatalf("the refusal does not name the file: %v", err)
			}
			return
		}
		s, err := mergeSettings(layer, nil, nil)
		if err != nil {
			return
		}
		var again []given
		for _, row := range s.profile.Explain() {
			again = append(again, given{row.Key, row.Value, "written again"})
		}
		same, err := mergeSettings(again, nil, nil)
		if err != nil || fmt.Sprint(same.profile) != fmt.Sprint(s.profile) {
			t.Fatalf("written again: %v, %+v, at first %+v", err, same, s.profile)
		}
	})
}
