package sim

// Aim: a run says which rare branches it reached, and a long one fails when it
// reached all but some. Method: the counters of internal/mark, which builds with
// the tag "marks" have.

import (
	"cmp"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/payments"
	"quorate/wire"
)

var marksFlag = flag.String("sim.marks", "report", "report: list marks that no seed reached; fail: and fail")

// marksRarest is how many of the rarest marks a report lists.
const marksRarest = 10

// markCount is one mark of a report.
type markCount struct {
	name, what string
	n          uint64
	by         string // the test that takes it, if the simulator need not
}

// kindNames are the words of the protocol page for the kinds that a core refuses.
var kindNames = map[wire.Kind]string{
	wire.KindPrePrepare: "pre_prepare", wire.KindSignShare: "sign_share", wire.KindFullCommitProof: "full_commit_proof",
	wire.KindPrepare: "prepare", wire.KindCommit: "commit", wire.KindSlowCommitProof: "full_commit_proof_slow",
	wire.KindSignState: "sign_state", wire.KindExecuteProof: "full_execute_proof", wire.KindCheckpoint: "checkpoint",
	wire.KindStable: "stable", wire.KindComplaint: "complaint", wire.KindViewChange: "view_change", wire.KindNewView: "new_view",
	wire.KindFetchBody: "fetch_body", wire.KindBody: "body", wire.KindFetchBlocks: "fetch_blocks", wire.KindBlocks: "blocks", wire.KindReminder: "reminder", wire.KindHead: "head", wire.KindFetchViewChange: "fetch_view_change",
}

// codeName asks a family's room for the name of a code.
func codeName(f mark.Family, code uint32) string {
	switch f {
	case mark.TransferCodes:
		return payments.TransferCode(code).String()
	case mark.AccountCodes:
		return payments.AccountCode(code).String()
	case mark.RegisterCodes:
		return payments.RegisterCode(code).String()
	case mark.Statuses:
		return payments.Status(code).String()
	case mark.ClientRejects:
		return wire.RejectCode(code).String()
	}
	kind, why := mark.SplitReject(code)
	return kindNames[wire.Kind(kind)] + "." + consensus.RejectReason(why).String()
}

// markCounts lists all marks by name, and the codes that were given although the
// registry does not expect them.
func markCounts() (list []markCount, unexpected []string) {
	for i, info := range mark.All() {
		list = append(list, markCount{info.Name, info.What, mark.Count(mark.Mark(i)), mark.TakenBy(mark.Mark(i))})
	}
	for i, info := range mark.AllFamilies() {
		f := mark.Family(i)
		for code := range uint32(mark.CodesMax) {
			c := markCount{info.Prefix + "." + codeName(f, code), info.Room, mark.CodeCount(f, code), mark.CodeTakenBy(f, code)}
			switch {
			case slices.Contains(info.Expected, code):
				list = append(list, c)
			case c.n > 0:
				unexpected = append(unexpected, fmt.Sprintf("%s %d", c.name, c.n))
			}
		}
	}
	return list, unexpected
}

// reportMarks ends a run's report.
func reportMarks(t *testing.T) {
	if !mark.Enabled {
		return
	}
	list, unexpected := markCounts()
	slices.SortStableFunc(list, func(a, b markCount) int { return cmp.Compare(a.n, b.n) })
	zero, _ := slices.BinarySearchFunc(list, 1, func(c markCount, n uint64) int { return cmp.Compare(c.n, n) })
	var rare []string
	for _, c := range list[zero:min(len(list), zero+marksRarest)] {
		rare = append(rare, fmt.Sprintf("%s %d", c.name, c.n))
	}
	if len(unexpected) > 0 {
		t.Logf("codes that the registry of marks does not expect: %s", strings.Join(unexpected, ", "))
	}
	t.Logf("rarest marks: %s", strings.Join(rare, ", "))
	missed := 0
	for _, c := range list[:zero] {
		if c.by != "" {
			t.Logf("mark never hit: %s: %s; %s takes it", c.name, c.what, c.by)
			continue
		}
		missed++
		t.Logf("mark never hit: %s: %s", c.name, c.what)
	}
	t.Logf("marks: %d of %d hit, %d of the rest by tests alone", len(list)-zero, len(list), zero-missed)
	if *marksFlag == "fail" && missed > 0 {
		t.Errorf("%d marks were not reached: extend the run, the simulator, or take the mark away with its reason", missed)
	}
}

var numbered = regexp.MustCompile(`(code|status)_[0-9]+$`)

// Every mark and every expected code has a name of its own.
func TestMarkNames(t *testing.T) {
	list, _ := markCounts()
	seen := map[string]bool{}
	for i, c := range list {
		// A code without a name is shown as a number, a reason as unknown.
		noName := i >= len(mark.All()) && numbered.MatchString(c.name) || strings.HasSuffix(c.name, ".unknown") || strings.Contains(c.name, "..")
		if seen[c.name] || noName {
			t.Errorf("mark %q is named twice or not at all", c.name)
		}
		seen[c.name] = true
	}
}
