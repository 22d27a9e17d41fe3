package tidy

import (
	"slices"
	"strconv"
	"strings"
)

// room is a row of the import table.
type room struct {
	name  string
	ours  []string // rooms that it may import
	never []string // standard packages, with all below them, that it may not
}

// pureNever is what a state machine has no use for: clocks, threads, locks,
// the outside, chance, and ways around the type system.
var pureNever = []string{"time", "sync", "os", "net", "context", "math/rand", "crypto/rand", "hash/maphash",
	"unsafe", "runtime", "syscall", "log", "C"}

// below lists the rooms that need no other process: what a whole replica is
// made of without its network.
var below = []string{"wire", "cluster", "consensus", "payments", "sigagg", "storage", "tuning", "internal/assert", "internal/mark", "internal/plant", "internal/scheme", "internal/meter"}

// rooms is the import table of the design page (invariant T1). A folder below a
// room obeys the room's row and may import the room.
var rooms = []room{
	{"wire", []string{"internal/plant"}, []string{"os", "net", "time"}},
	{"cluster", []string{"wire", "internal/plant"}, []string{"os", "net"}},
	{"consensus", []string{"wire", "cluster", "internal/assert", "internal/mark", "internal/plant"}, pureNever},
	{"payments", []string{"wire", "internal/assert", "internal/mark", "internal/plant"}, pureNever},
	{"sigagg", []string{"internal/assert", "internal/edbatch", "internal/plant"}, nil},
	{"storage", []string{"wire", "internal/assert", "internal/mark", "internal/plant"}, nil},
	{"netio", []string{"wire", "cluster", "internal/meter"}, nil},
	{"tuning", nil, nil},
	// Above capacity: the first row that fits counts, and measuring reaches further.
	{"capacity/calibrate", append([]string{"capacity", "pipeline", "netio", "internal/scrape"}, below...), nil},
	{"capacity", []string{"tuning"}, []string{"time", "sync", "os", "net", "context", "math/rand", "crypto/rand", "unsafe", "runtime", "syscall", "log", "C"}},
	{"pipeline", append([]string{"internal/edbatch"}, below...), nil},
	{"client", []string{"wire", "cluster", "sigagg", "payments", "internal/mark", "internal/plant", "internal/scheme"}, nil},
	{"sim", append([]string{"pipeline", "client"}, below...), nil},
	{"bench/peers", nil, nil}, // a module of its own, so that no room comes to need what it measures; above bench: the first row that fits counts
	{"bench", append([]string{"pipeline", "client", "netio", "internal/scrape"}, below...), nil},
	{"cmd/replica", append([]string{"capacity", "pipeline", "client", "netio", "internal/oplog", "internal/uplot"}, below...), nil},
	{"cmd/loadgen", []string{"client", "wire", "cluster", "sigagg", "payments", "tuning", "internal/assert", "internal/uplot"}, nil},
	{"deploy", nil, nil},
	{"internal/assert", nil, nil},
	{"internal/edbatch", nil, []string{"os", "net", "time"}},
	{"internal/scheme", []string{"cluster", "sigagg"}, []string{"os", "net", "time"}},
	{"internal/leak", nil, []string{"os", "net", "time"}},
	{"internal/limits", nil, []string{"os", "net", "time"}},
	{"internal/mark", nil, []string{"os", "net", "time"}},
	{"internal/meter", nil, []string{"os", "net"}},
	{"internal/oplog", nil, []string{"os", "net"}},
	{"internal/plant", nil, nil},
	{"internal/scrape", nil, []string{"os"}},
	{"internal/tidy", []string{"internal/limits"}, nil},
	{"internal/uplot", nil, []string{"os", "net", "time"}},
}

// libraries gives each outside library its rooms. crypto/tls is in the list
// because a second place that makes TLS configurations is a second place to get
// one wrong; client has it because it may not import netio.
var libraries = []struct {
	path  string
	rooms []string
}{
	{"github.com/panjf2000/gnet", []string{"netio"}},
	{"crypto/tls", []string{"netio", "client"}},
	{"github.com/cockroachdb/pebble", []string{"storage"}},
	{"github.com/herumi", []string{"sigagg"}},
	{"github.com/anishathalye/porcupine", []string{"sim"}},
	{"gonum.org/v1/plot", []string{"bench"}},
	{"gonum.org/v1/gonum", []string{"capacity"}},
	{"go.etcd.io", []string{"bench/peers"}},
	{"github.com/cometbft", []string{"bench/peers"}},
	{"go.opentelemetry.io/proto/otlp", []string{"cmd/replica"}},
	{"gopkg.in/natefinch/lumberjack.v2", []string{"cmd/replica"}},
	{"github.com/prometheus/client_golang", []string{"pipeline", "cmd/replica", "cmd/loadgen"}},
}

// roomOf is the row that a folder obeys.
func roomOf(folder string) (room, bool) {
	for _, r := range rooms {
		if within(folder, r.name) {
			return r, true
		}
	}
	return room{}, false
}

// within reports whether an import path or folder is parent or below it.
func within(name, parent string) bool {
	return name == parent || strings.HasPrefix(name, parent+"/")
}

// checkImports holds each file against the table. Tests may reach further: they
// join rooms that production keeps apart.
func checkImports(sources []*source) (found []finding) {
	for _, s := range sources {
		if s.test() {
			continue
		}
		r, known := roomOf(s.dir())
		if !known {
			found = append(found, s.at(s.file.Package, "folder %s is no room: put the code into one, or add a row to the table here and to the design page with a record", s.dir()))
			continue
		}
		for _, spec := range s.file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the parser took it, so it is quoted
			}
			if problem := importProblem(r, name); problem != "" {
				found = append(found, s.at(spec.Pos(), "%s", problem))
			}
		}
	}
	return found
}

// importProblem says what is wrong with an import, or nothing.
func importProblem(r room, name string) string {
	if ours, ok := strings.CutPrefix(name, module+"/"); ok {
		allowed := within(ours, r.name) || slices.ContainsFunc(r.ours, func(o string) bool { return within(ours, o) })
		if !allowed {
			return r.name + " may not import " + ours + ": imports go down only; declare an interface here and let a room above join the two"
		}
		return ""
	}
	for _, never := range r.never {
		if within(name, never) {
			return r.name + " may not import " + name + ": pass what it needs in as a value"
		}
	}
	for _, l := range libraries {
		inRoom := slices.ContainsFunc(l.rooms, func(o string) bool { return within(r.name, o) })
		if (within(name, l.path) || strings.HasPrefix(name, l.path+"-") || strings.HasPrefix(name, l.path+"/")) && !inRoom {
			return name + " belongs to " + strings.Join(l.rooms, ", ") + ": use what that room offers"
		}
	}
	return ""
}
