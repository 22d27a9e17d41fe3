package main

import (
	"strings"
	"testing"

	"quorate/tuning"
)

// Aim: an operator sees every setting of every profile, what each does, and what
// the host is; a name that is none is refused with the names that are. Method:
// the command line against the tables of package tuning.

func TestTuningCommands(t *testing.T) {
	show := command("tuning", "show")
	show.want(t, exitOK, strings.ToUpper(strings.Join(tuning.Names(), " ")[:3]))
	for _, key := range tuning.Keys() {
		if !strings.Contains(show.stdout, key) {
			t.Errorf("show leaves out %s", key)
		}
		command("tuning", "explain", key).want(t, exitOK, key, tuning.Balanced)
	}
	var profiles map[string]map[string]string
	decode(t, command("tuning", "show", tuning.WAN, "-o", "json").stdout, &profiles)
	wan, err := tuning.Named(tuning.WAN)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := wan.Get("view_change_ticks"); len(profiles) != 1 || profiles[tuning.WAN]["view_change_ticks"] != want {
		t.Errorf("profile wan shows %v", profiles)
	}
	command("tuning", "show", "fast").want(t, exitUsage, "there is no profile", tuning.Throughput)
	command("tuning", "explain", "speed").want(t, exitUsage, `"speed" is not a setting`, "batch_events_max")
}

func TestTuningDetect(t *testing.T) {
	dir := t.TempDir()
	var d detected
	decode(t, command("tuning", "detect", "--disk", dir, "--verify-workers", "3", "--pin-threads", "2", "-o", "json").stdout, &d)
	verify := 0
	for _, s := range d.Seats {
		if s.Role == tuning.RoleVerify {
			verify++
		}
	}
	host := tuning.DetectHost()
	if d.Host.Cores != host.Cores || d.Disk == nil || d.Disk.Dir != dir || len(host.CPUs) > 0 && (verify != 3 || !d.Pinned) {
		t.Errorf("%+v", d)
	}
	command("tuning", "detect").want(t, exitOK, "host", "pinning", "execute 0")
	command("tuning", "detect", "--disk", dir+"/none").want(t, exitUsage, "none")
	command("tuning", "detect", "--pin-threads", "9").want(t, exitConfig, "pin_threads")
}
