package tidy

// Aim: the one list of limits is complete and true. Method: the constants come
// from the compiler, so no way of writing a number escapes.

import (
	"strings"
	"testing"

	"quorate/internal/limits"
)

func TestLimits(t *testing.T) {
	tree := repository(t)
	export, err := exports(tree.root, "./...")
	if err != nil {
		t.Fatal(err)
	}
	found, err := findLimits(tree, export)
	if err != nil {
		t.Fatal(err)
	}
	if found["wire.EventsMax"] == 0 || found["netio.authBytesMax"] == 0 {
		t.Fatalf("the source's own limits are not found: %v", found)
	}
	report(t, checkLimits(tree, found, limits.List))

	// The check itself: a new limit, another value, a lost constant, a lost test.
	found["wire.NewThingMax"] = 7
	bent := []limits.Limit{
		{Name: "wire.EventsMax", Value: 1, Test: limits.BadInput},
		{Name: "wire.GoneMax", Value: 1, Test: limits.BadInput},
		{Name: "wire.WindowMax", Value: 1024, Test: "wire TestOfNothing"},
	}
	var all strings.Builder
	for _, f := range checkLimits(tree, found, bent) {
		all.WriteString(f.text + "\n")
	}
	for _, want := range []string{"wire.NewThingMax = 7 is not listed", "wire.EventsMax is 8189, the list says 1",
		"wire.GoneMax is no constant", "no test TestOfNothing"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no %q in: %s", want, all.String())
		}
	}
}
