package outcome

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrFile is wrapped by every reason for which a file is not taken.
var ErrFile = errors.New("outcome")

const (
	// fileBytesMax bounds a result or a sweep: a histogram in it takes up to
	// 300 kB, events 100 kB.
	fileBytesMax = 16 << 20
	// rowsMax bounds a time series: twelve days of seconds.
	rowsMax = 1 << 20
	// runsMax bounds what is compared at once.
	runsMax = 1000
)

// Load reads result.json or sweep.json at path, or in the directory path, and
// gives one of them (Invariant O1).
func Load(path string) (*Run, *Sweep, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		for _, name := range []string{"result.json", "sweep.json"} {
			if _, err := os.Stat(filepath.Join(path, name)); err == nil {
				return Load(filepath.Join(path, name))
			}
		}
		return nil, nil, fmt.Errorf("%w: %s holds neither result.json nor sweep.json; name a directory that loadgen run or sweep made: %w", ErrFile, path, fs.ErrNotExist)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, fileBytesMax+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", ErrFile, path, err)
	}
	if len(text) > fileBytesMax {
		return nil, nil, fmt.Errorf("%w: %s: over %d bytes; check that this is the right file", ErrFile, path, fileBytesMax)
	}
	r, s, err := parse(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", ErrFile, path, err)
	}
	return r, s, nil
}

// parse reads the content of either file.
func parse(text []byte) (*Run, *Sweep, error) {
	var head struct {
		Schema int    `json:"schema"`
		Kind   string `json:"kind"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, nil, fmt.Errorf("it is no JSON of loadgen: %w", err)
	}
	switch head.Kind {
	case KindRun, KindReplay, KindMerged, KindSweep:
	default:
		return nil, nil, fmt.Errorf("its kind is %.45q, not run, replay, merged or sweep; a result without one is of an older loadgen: run it again", head.Kind)
	}
	if head.Schema != Schema {
		return nil, nil, fmt.Errorf("its schema is %d, and this loadgen reads %d; use the loadgen that wrote it", head.Schema, Schema)
	}
	if head.Kind == KindSweep {
		s := &Sweep{}
		if err := json.Unmarshal(text, s); err != nil {
			return nil, nil, err
		}
		return nil, s, nil
	}
	r := &Run{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, nil, err
	}
	if r.Audit == nil {
		return nil, nil, errors.New("it has no audit")
	}
	return r, nil, nil
}

// LoadRuns reads one result, or all of a directory of results.
func LoadRuns(path string) ([]*Run, *Sweep, error) {
	r, s, err := Load(path)
	if err == nil {
		if s != nil {
			return nil, s, nil
		}
		return []*Run{r}, nil, nil
	}
	below, globErr := filepath.Glob(filepath.Join(path, "*", "result.json"))
	if globErr != nil || len(below) == 0 || !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if len(below) > runsMax {
		return nil, nil, fmt.Errorf("%w: %s holds over %d results", ErrFile, path, runsMax)
	}
	var runs []*Run
	for _, name := range below {
		r, _, err := Load(name)
		if err != nil {
			return nil, nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil, nil
}

// ReadTable reads timeseries.csv. Events come back as texts at the end of their
// second.
func ReadTable(path string) ([]Row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFile, path, err)
	}
	at := map[string]int{}
	for i, name := range head {
		at[name] = i
	}
	for _, name := range columns {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("%w: %s: no column %s: another loadgen wrote it", ErrFile, path, name)
		}
	}
	var rows []Row
	for {
		cells, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case err != nil:
			return nil, fmt.Errorf("%w: %s: %w", ErrFile, path, err)
		case len(rows) == rowsMax:
			return nil, fmt.Errorf("%w: %s: over %d rows", ErrFile, path, rowsMax)
		}
		c := cellReader{cells: cells, at: at}
		row := c.row()
		if c.err != nil {
			return nil, fmt.Errorf("%w: %s: row %d: %w", ErrFile, path, len(rows)+2, c.err)
		}
		rows = append(rows, row)
	}
}

// cellReader reads the cells of one row and keeps the first error.
type cellReader struct {
	cells []string
	at    map[string]int
	err   error
}

func (c *cellReader) text(name string) string {
	i, ok := c.at[name]
	if !ok {
		return ""
	}
	return c.cells[i]
}

func (c *cellReader) number(name string) uint64 {
	v, err := strconv.ParseUint(c.text(name), 10, 64)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("%s: %w", name, err)
	}
	return v
}

func (c *cellReader) decimal(name string) float64 {
	v, err := strconv.ParseFloat(c.text(name), 64)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("%s: %w", name, err)
	}
	return v
}

func (c *cellReader) row() Row {
	r := Row{
		Second: int(c.number("second")), Offered: c.number("offered"), Achieved: c.number("achieved"), Late: c.number("late"),
		ErrorsTotal: c.number("errors_total"), Dropped: c.number("dropped"), Unknown: c.number("unknown"),
		P50: c.decimal("p50_ms"), P90: c.decimal("p90_ms"), P99: c.decimal("p99_ms"), P999: c.decimal("p999_ms"), Most: c.decimal("max_ms"),
		FastPath: c.decimal("fast_path"), Outstanding: c.decimal("outstanding"),
	}
	for _, pair := range strings.Split(c.text("errors_by_code"), ";") {
		code, count, ok := strings.Cut(pair, "=")
		if n, err := strconv.ParseUint(count, 10, 64); ok && err == nil {
			if r.Codes == nil {
				r.Codes = map[string]uint64{}
			}
			r.Codes[code] += n
			r.Errors += n
		}
	}
	r.Errors -= min(r.Errors, r.Unknown) // codes count both
	if text := c.text("events"); text != "" {
		r.Events = []Event{{At: float64(r.Second), Text: text}}
	}
	for i := range ReplicasShown {
		name := "view_" + strconv.Itoa(i)
		if _, ok := c.at[name]; !ok {
			break
		}
		p := ReplicaRow{Up: c.text(name) != ""}
		if p.Up {
			k := strconv.Itoa(i)
			p.View, p.Primary, p.Fast, p.Slow = c.number(name), uint16(c.number("primary_"+k)), c.number("fast_"+k), c.number("slow_"+k)
		}
		r.Replicas = append(r.Replicas, p)
	}
	return r
}
